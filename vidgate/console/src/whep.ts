/** One WHEP connection: an offer out, an answer in, pictures until closed. */

import { ApiError, problemOf } from './api'

export type Wanted = 'auto' | 'main' | 'sub'

export interface WhepRequest {
  name: string
  wanted: Wanted
}

export interface WhepHandlers {
  /** The picture's stream (video only), once for a connection. */
  picture: (stream: MediaStream) => void
  /** The sound's stream, where the channel has sound. */
  sound: (stream: MediaStream) => void
}

export interface WhepDeps {
  peer: (configuration: RTCConfiguration) => RTCPeerConnection
  fetch: (url: string, init: RequestInit) => Promise<Response>
}

const browser: WhepDeps = {
  peer: (configuration) => new RTCPeerConnection(configuration),
  fetch: (url, init) => fetch(url, init),
}

const ANSWER_TIMEOUT = 20_000 // the service waits for the camera's description before it answers

const DELETE_TIMEOUT = 2_000

/** Codecs the service can pass through; the rest only makes the offer longer. */
const VIDEO = new Set(['video/h264', 'video/h265'])
const AUDIO = new Set(['audio/pcma', 'audio/pcmu', 'audio/opus'])

export class WhepConnection {
  private closed = false

  private constructor(
    readonly peer: RTCPeerConnection,
    private readonly location: string,
    /** The stream that the service chose. */
    readonly variant: 'main' | 'sub',
    private readonly deps: WhepDeps,
  ) {}

  /**
   * Ask for a stream. Throws `ApiError`: the service's code, `network` when it cannot be reached,
   * `webrtc` when this browser refuses the answer, `cancelled` by the signal.
   */
  static async open(
    request: WhepRequest,
    handlers: WhepHandlers,
    signal: AbortSignal,
    deps: WhepDeps = browser,
  ): Promise<WhepConnection> {
    // Without servers: cameras are watched inside closed networks, and the answer names the address.
    const peer = deps.peer({ iceServers: [], bundlePolicy: 'max-bundle' })
    try {
      receive(peer, handlers)
      const offer = await peer.createOffer()
      await peer.setLocalDescription(offer)
      const sdp = peer.localDescription?.sdp ?? offer.sdp ?? ''
      const answered = await post(request, sdp, deps)
      const connection = new WhepConnection(peer, answered.location, answered.variant, deps)
      return await connection.settle(answered.sdp, signal)
    } catch (error) {
      peer.close()
      throw error instanceof ApiError ? error : new ApiError(0, 'webrtc', String(error))
    }
  }

  /** End it and tell the service; safe to call twice. */
  close(): void {
    this.end(false)
  }

  /** The page goes away: the request must outlive it. */
  abandon(): void {
    this.end(true)
  }

  private async settle(sdp: string, signal: AbortSignal): Promise<WhepConnection> {
    try {
      // Given up while the answer was on its way: the service has a session that nobody wants.
      if (signal.aborted) throw new ApiError(0, 'cancelled', '')
      await this.peer.setRemoteDescription({ type: 'answer', sdp })
      if (signal.aborted) throw new ApiError(0, 'cancelled', '')
      return this
    } catch (error) {
      this.close()
      throw error
    }
  }

  /** The service has ended the session: there is nobody to tell. */
  drop(): void {
    this.closed = true
    this.peer.ontrack = null
    this.peer.close()
  }

  private end(isLeaving: boolean): void {
    if (this.closed) return
    this.closed = true
    this.peer.ontrack = null
    if (!this.location || isLeaving) this.peer.close()
    if (!this.location) return
    // First told, then closed: at the browser's goodbye the service forgets the session by itself,
    // and would know nothing of the one that is to be deleted.
    void this.deps
      .fetch(this.location, {
        method: 'DELETE',
        credentials: 'same-origin',
        keepalive: isLeaving,
        signal: AbortSignal.timeout(DELETE_TIMEOUT),
      })
      .catch(() => {}) // the service reaps silent sessions by itself
      .finally(() => this.peer.close())
  }
}

function receive(peer: RTCPeerConnection, handlers: WhepHandlers): void {
  const video = peer.addTransceiver('video', { direction: 'recvonly' })
  const audio = peer.addTransceiver('audio', { direction: 'recvonly' })
  prefer(video, 'video', VIDEO)
  prefer(audio, 'audio', AUDIO)
  hurry(video.receiver)
  hurry(audio.receiver)
  peer.ontrack = ({ track }) => {
    const stream = new MediaStream([track])
    if (track.kind === 'video') handlers.picture(stream)
    else handlers.sound(stream)
  }
}

function prefer(transceiver: RTCRtpTransceiver, kind: 'video' | 'audio', wanted: Set<string>): void {
  const codecs = RTCRtpReceiver.getCapabilities?.(kind)?.codecs ?? []
  const chosen = codecs.filter((codec) => wanted.has(codec.mimeType.toLowerCase()))
  if (chosen.length > 0) transceiver.setCodecPreferences?.(chosen)
}

/** Watching live: show each picture at once rather than smooth out the network's jitter. */
function hurry(receiver: RTCRtpReceiver): void {
  if ('jitterBufferTarget' in receiver) receiver.jitterBufferTarget = 0
  if ('playoutDelayHint' in receiver) receiver.playoutDelayHint = 0
}

interface Answer {
  sdp: string
  location: string
  variant: 'main' | 'sub'
}

/** The request is not aborted with its tile: its session would be left behind unknown. */
async function post(request: WhepRequest, offer: string, deps: WhepDeps): Promise<Answer> {
  const path = request.name.split('/').map(encodeURIComponent).join('/')
  let response: Response
  let sdp: string
  try {
    response = await deps.fetch(`/whep/${path}?stream=${request.wanted}`, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/sdp', Accept: 'application/sdp' },
      body: offer,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT),
    })
    if (response.status !== 201) throw await problemOf(response)
    sdp = await response.text()
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0, 'network', '')
  }
  return {
    sdp,
    location: response.headers.get('Location') ?? '',
    variant: response.headers.get('X-Vidgate-Stream') === 'sub' ? 'sub' : 'main',
  }
}
