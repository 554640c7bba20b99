import { beforeEach, describe, expect, it, vi } from 'vitest'

import { WhepConnection, type WhepDeps } from '../src/whep'

interface Receiver {
  jitterBufferTarget: number | null
}

class Peer {
  directions: string[] = []
  receivers: Receiver[] = []
  localDescription: { sdp: string } | null = null
  answer: { sdp: string } | null = null
  isClosed = false
  ontrack: unknown = null

  addTransceiver(kind: string, { direction }: { direction: string }): object {
    this.directions.push(`${kind} ${direction}`)
    const receiver: Receiver = { jitterBufferTarget: null }
    this.receivers.push(receiver)
    return { receiver, setCodecPreferences: vi.fn() }
  }
  createOffer = (): Promise<object> => Promise.resolve({ type: 'offer', sdp: 'offer' })
  setLocalDescription = (offer: { sdp: string }): Promise<void> => {
    this.localDescription = offer
    return Promise.resolve()
  }
  setRemoteDescription = (answer: { sdp: string }): Promise<void> => {
    this.answer = answer
    return Promise.resolve()
  }
  close(): void {
    this.isClosed = true
  }
}

const HANDLERS = { picture: () => {}, sound: () => {} }
let peer: Peer
let fetch: ReturnType<typeof vi.fn<WhepDeps['fetch']>>
let deps: WhepDeps

const created = (variant = 'sub'): Response =>
  new Response('answer', {
    status: 201,
    headers: { Location: '/whep-sessions/s1', 'X-Vidgate-Stream': variant },
  })

beforeEach(() => {
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs: [] }) })
  peer = new Peer()
  fetch = vi.fn<WhepDeps['fetch']>(() => Promise.resolve(created()))
  deps = { peer: () => peer as unknown as RTCPeerConnection, fetch }
})

const open = (signal = new AbortController().signal): Promise<WhepConnection> =>
  WhepConnection.open({ name: 'soldier/张 1', wanted: 'auto' }, HANDLERS, signal, deps)

describe('WhepConnection', () => {
  it('offers to receive picture and sound without delay, and takes the answer', async () => {
    const connection = await open()
    expect(peer.directions).toEqual(['video recvonly', 'audio recvonly'])
    expect(peer.receivers.map(({ jitterBufferTarget }) => jitterBufferTarget)).toEqual([0, 0])
    expect(fetch.mock.calls[0]![0]).toBe('/whep/soldier/%E5%BC%A0%201?stream=auto')
    expect(fetch.mock.calls[0]![1]).toMatchObject({ method: 'POST', body: 'offer' })
    expect(peer.answer?.sdp).toBe('answer')
    expect(connection.variant).toBe('sub')
  })

  it('tells the service, then closes, once', async () => {
    const connection = await open()
    connection.close()
    connection.close()
    expect(fetch.mock.calls.slice(1)).toMatchObject([
      ['/whep-sessions/s1', { method: 'DELETE', keepalive: false }],
    ])
    await vi.waitFor(() => expect(peer.isClosed).toBe(true))
  })

  it('leaves a request behind that outlives the page', async () => {
    const connection = await open()
    connection.abandon()
    expect(peer.isClosed).toBe(true)
    expect(fetch.mock.calls[1]![1]).toMatchObject({ method: 'DELETE', keepalive: true })
  })

  it('fails with the code of the service', async () => {
    const problem = JSON.stringify({ code: 'camera_busy', detail: '会话已满' })
    fetch.mockResolvedValue(new Response(problem, { status: 503, headers: { 'Retry-After': '7' } }))
    await expect(open()).rejects.toMatchObject({ status: 503, code: 'camera_busy', retryAfter: 7 })
    expect(peer.isClosed).toBe(true)
  })

  it('tells a network that is gone from a service that refuses', async () => {
    fetch.mockRejectedValue(new TypeError('Failed to fetch'))
    await expect(open()).rejects.toMatchObject({ status: 0, code: 'network' })
    fetch.mockResolvedValue(new Response('<html>', { status: 502 }))
    await expect(open()).rejects.toMatchObject({ status: 502, code: 'http_502' })
  })

  it('deletes the session whose answer came too late', async () => {
    const cancel = new AbortController()
    fetch.mockImplementationOnce(() => {
      cancel.abort()
      return Promise.resolve(created())
    })
    await expect(open(cancel.signal)).rejects.toMatchObject({ code: 'cancelled' })
    expect(fetch.mock.calls[1]).toMatchObject(['/whep-sessions/s1', { method: 'DELETE' }])
  })

  it('deletes the session whose answer the browser refuses', async () => {
    peer.setRemoteDescription = () => Promise.reject(new Error('bad sdp'))
    await expect(open()).rejects.toMatchObject({ code: 'webrtc' })
    expect(fetch.mock.calls[1]).toMatchObject(['/whep-sessions/s1', { method: 'DELETE' }])
  })
})
