/** Keeps one tile's picture alive: connects, watches, reconnects, and never claims what it cannot see. */

import { ApiError, type ChannelState } from './api'
import { Backoff } from './backoff'
import type { Gate } from './gate'
import type { Meter } from './playback'
import type { Screen } from './screen'
import { StatsReader, type Figures } from './stats'
import {
  isFresh,
  isLive,
  judge,
  type Link,
  type Situation,
  type StreamNews,
  type Verdict,
} from './verdict'
import type { Wanted, WhepConnection, WhepHandlers, WhepRequest } from './whep'

export interface PlayerDeps {
  open: (request: WhepRequest, handlers: WhepHandlers, signal: AbortSignal) => Promise<WhepConnection>
  gate: Gate
  /** Measures what the viewer sees. */
  meter: Meter
  now: () => number
  random?: () => number
  /** The service's latest word on a stream, and the channel's state. */
  news: (name: string, variant: 'main' | 'sub') => StreamNews | null
  channel: (name: string) => ChannelState | null
  isServiceLost: () => boolean
  isHidden: () => boolean
}

export interface PlayerView {
  verdict: Verdict
  variant: 'main' | 'sub' | null
  /** Wall-clock milliseconds of the last picture while it is not live; null when live or never. */
  lastPicture: number | null
  figures: Figures | null
  hasSound: boolean
}

const FIRST_PICTURE = 12_000 // milliseconds from the answer to a picture, when nothing explains the wait
const SILENT = 6_000 // milliseconds without a picture, when nothing explains it
const DISCONNECTED = 1_000 // milliseconds without a picture when the path is known to be broken
const STATS = 1_000
const ENCOURAGED = 1_000 // milliseconds between two tries that news brought about

/** What may have been mended: whatever it was, or only that there is nothing to watch. */
type News = 'any' | 'register'

/** Trying again would not help, or would lock the camera's account. */
export const FINAL: ReadonlySet<string> = new Set([
  'camera_unauthorized',
  'no_credential',
  'not_permitted',
  'not_authenticated',
  'not_found',
  'no_address',
  'kind_not_served',
  'not_acceptable',
  'unsupported',
  'bad_input',
  'channel_disabled',
])

/** There is nothing to watch: the channel was removed, leads nowhere, or is not to be watched. */
export const WITHDRAWN: ReadonlySet<string> = new Set([
  'not_found',
  'no_address',
  'kind_not_served',
  'channel_disabled',
])

/** Others are to be left in peace. A platform that is full by the service's own count is not asked. */
const PATIENT: ReadonlySet<string> = new Set(['camera_busy', 'busy', 'limit_reached', 'too_many_requests'])

/** Only a name that leads elsewhere, or a platform that tells another address, would help. */
const RARE: ReadonlySet<string> = new Set(['address_denied'])

export class Player {
  private name: string | null = null
  private wanted: Wanted = 'auto'
  private link: Link = 'none'
  private failure: string | null = null
  private retryAt: number | null = null
  private openedAt = 0
  private attemptNumber = 0
  private connection: WhepConnection | null = null
  private upgrade: AbortController | null = null
  private upgradeAt = 0
  private cancel = new AbortController()
  private readonly backoff: Backoff
  private readonly busyBackoff: Backoff
  private readonly rareBackoff: Backoff
  private stats = new StatsReader()
  private statsAt = 0
  private figures: Figures | null = null
  private sound: MediaStream | null = null
  private clockOffset = 0
  private wasHidden = false
  private wasFlowing = false
  private isDoubted = true
  private encouragedAt = -Infinity
  private unheeded: News | null = null
  private liveAt: number | null = null

  constructor(
    private readonly screen: Screen,
    private readonly deps: PlayerDeps,
    private readonly onSound: (stream: MediaStream | null) => void = () => {},
  ) {
    this.backoff = new Backoff(500, 8_000, deps.random)
    this.busyBackoff = new Backoff(5_000, 30_000, deps.random)
    this.rareBackoff = new Backoff(120_000, 1_200_000, deps.random)
    this.clockOffset = Date.now() - deps.now()
  }

  /** Watch a channel from now on; the same one again changes nothing. */
  watch(name: string, wanted: Wanted): void {
    if (this.name === name && this.wanted === wanted) return
    this.stop()
    this.name = name
    this.wanted = wanted
    this.deps.meter.wish(this.deps.now())
    this.attempt()
  }

  /** Leave; the picture goes too. */
  stop(): void {
    this.release()
    this.deps.meter.rest()
    this.name = null
    this.link = 'none'
    this.failure = null
    this.attemptNumber = 0
    this.backoff.reset()
    this.busyBackoff.reset()
    this.rareBackoff.reset()
    this.liveAt = null
    this.isDoubted = true
    this.screen.clear()
  }

  /** The page goes away. */
  abandon(): void {
    this.cancel.abort()
    this.upgrade?.abort()
    this.connection?.abandon()
    this.connection = null
  }

  /** The operator asks, or something happened that may have mended it. */
  retryNow(): void {
    if (this.name === null || this.link === 'opening') return
    if (this.link === 'open' && isFresh(this.screen.picture, this.deps.now())) return
    this.release()
    this.attempt()
  }

  /**
   * News arrived that may have mended it, so do not wait on. A refusal for good is taken up again
   * only when something `changed`: a stream that is merely live was live when it was refused.
   */
  encourage(changed: boolean): void {
    if (changed || this.link === 'waiting') this.note('any')
  }

  /** The service forgot that the camera refused our credentials: somebody corrected them. */
  forgiven(): void {
    if (this.failure === 'camera_unauthorized') this.encourage(true)
    if (this.failure === 'camera_busy') this.encourage(false)
  }

  /** The service ended the session for good; where only that stream is gone, another may do. */
  withdrawn(code: string, variant: 'main' | 'sub'): void {
    if (this.link !== 'open' || this.connection?.variant !== variant) return
    this.connection.drop()
    this.connection = null
    this.failed(new ApiError(0, code, ''))
    if (code !== 'channel_disabled') this.attempt()
  }

  /** The register changed: the channel may be there again. */
  restored(): void {
    this.note('register')
  }

  /** Change the stream; the present picture stays until the new one shows, and if it fails. */
  async switchTo(wanted: Wanted): Promise<void> {
    if (this.name === null) return
    this.stay()
    this.wanted = wanted
    if (this.link !== 'open' || !isFresh(this.screen.picture, this.deps.now())) return this.retryNow()
    const cancel = (this.upgrade = new AbortController())
    this.upgradeAt = this.deps.now()
    const former = this.connection
    try {
      const next = await this.request(cancel, (stream, connection) => {
        this.screen.show(stream, () => {
          this.upgrade = null
          this.adopt(connection())
          former?.close()
        })
      })
      cancel.signal.addEventListener('abort', () => next.close())
      if (next.variant === former?.variant) this.giveUp(cancel) // there is nothing better to have
    } catch {
      this.giveUp(cancel)
    }
  }

  /** Let a change of stream that has not come to show anything be. */
  stay(): void {
    if (this.upgrade) this.giveUp(this.upgrade)
  }

  /** Called several times a second: watches the picture and does what is due. */
  tick(now: number): void {
    this.excuseHidden(now)
    this.heed(now)
    if (this.link === 'waiting' && this.retryAt !== null && now >= this.retryAt) this.attempt()
    if (this.link !== 'open') return
    this.look(now)
    if (now - this.statsAt >= STATS) {
      this.statsAt = now
      void this.readStats()
    }
    if (now - this.upgradeAt > FIRST_PICTURE) this.stay()
    this.checkLink(now)
  }

  view(now: number): PlayerView {
    const { picture } = this.screen
    const verdict = judge(this.situation(), now)
    const isPlaying = verdict.state === 'playing'
    if (isPlaying) this.liveAt = picture.changedAt ?? picture.at
    this.measure(verdict, now)
    const since = verdict.reason === 'frozen' ? picture.changedAt : this.liveAt
    return {
      verdict,
      variant: this.connection?.variant ?? null,
      lastPicture: isPlaying || since === null ? null : since + this.clockOffset,
      figures: this.figures,
      hasSound: this.sound !== null,
    }
  }

  // -- inside ------------------------------------------------------------------------------------

  /** The try under way may have been refused before the news, so what comes now is kept for later. */
  private note(news: News): void {
    if (this.link === 'none' || this.link === 'open') return
    if (this.unheeded !== 'any') this.unheeded = news
    this.heed(this.deps.now())
  }

  /** Try again for what was heard, however soon after the last it came, but once a second at most. */
  private heed(now: number): void {
    if (this.unheeded === null || (this.link !== 'waiting' && this.link !== 'halted')) return
    if (this.unheeded === 'register' && !WITHDRAWN.has(this.failure ?? '')) this.unheeded = null
    else if (now - this.encouragedAt >= ENCOURAGED) {
      this.encouragedAt = now
      this.retryNow()
    }
  }

  private measure({ state }: Verdict, now: number): void {
    const { meter } = this.deps
    if (this.deps.isHidden()) meter.rest() // nobody sees it, and browsers let hidden pages doze
    else meter.look(state, this.connection?.variant ?? null, now, this.liveAt)
  }

  private situation(): Situation {
    return {
      link: this.link,
      failure: this.failure,
      attempt: this.attemptNumber,
      retryAt: this.retryAt,
      news: this.news(),
      channel: this.name === null ? null : this.deps.channel(this.name),
      isServiceLost: this.deps.isServiceLost(),
      picture: this.screen.picture,
      isDoubted: this.isDoubted,
      hasPlayed: this.liveAt !== null,
    }
  }

  /** Whether the picture changes is only a question while live pictures come. */
  private look(now: number): void {
    const isFlowing = isLive(this.situation(), now)
    if (isFlowing && !this.wasFlowing) this.screen.resume(now)
    if (isFlowing) this.screen.sample(now)
    if (this.wasFlowing !== isFlowing) this.isDoubted = !isFlowing
    this.wasFlowing = isFlowing
  }

  private news(): StreamNews | null {
    if (this.name === null) return null
    const asked = this.wanted === 'sub' ? 'sub' : 'main'
    return this.deps.news(this.name, this.connection?.variant ?? asked)
  }

  private attempt(): void {
    this.link = 'opening'
    this.unheeded = null
    this.retryAt = null
    this.attemptNumber += 1
    const cancel = (this.cancel = new AbortController())
    this.request(cancel, (stream) => this.screen.show(stream, () => this.succeeded()))
      .then((connection) => this.opened(connection))
      .catch((error: unknown) => {
        if (!cancel.signal.aborted) this.failed(error instanceof ApiError ? error : null)
      })
  }

  /** Ask for the stream; the picture may come before the promise is kept. */
  private async request(
    cancel: AbortController,
    picture: (stream: MediaStream, connection: () => WhepConnection | null) => void,
  ): Promise<WhepConnection> {
    const name = this.name ?? ''
    let made: WhepConnection | null = null
    const handlers: WhepHandlers = {
      picture: (stream) => {
        if (!cancel.signal.aborted) picture(stream, () => made)
      },
      sound: (stream) => {
        if (!cancel.signal.aborted) this.heard(stream)
      },
    }
    const rank = this.attemptNumber - 1 // those who never tried go before those who failed
    made = await this.deps.gate.pass(rank, async () => {
      if (cancel.signal.aborted) throw new ApiError(0, 'cancelled', '')
      return this.deps.open({ name, wanted: this.wanted }, handlers, cancel.signal)
    })
    return made
  }

  private giveUp(cancel: AbortController): void {
    cancel.abort()
    if (this.upgrade !== cancel) return
    this.upgrade = null
    this.screen.abandonPreparing()
  }

  private opened(connection: WhepConnection): void {
    this.adopt(connection)
    this.link = 'open'
    this.unheeded = null
    this.openedAt = this.deps.now()
  }

  private adopt(connection: WhepConnection | null): void {
    this.connection = connection
    this.stats = new StatsReader()
    this.statsAt = 0
    this.wasFlowing = false
  }

  private succeeded(): void {
    this.failure = null
    this.attemptNumber = 0
    this.backoff.reset()
    this.busyBackoff.reset()
    this.rareBackoff.reset()
  }

  private failed(error: ApiError | null): void {
    const code = error?.code ?? 'webrtc'
    this.release()
    this.failure = code
    if (FINAL.has(code)) {
      this.link = 'halted'
      return
    }
    this.link = 'waiting'
    this.retryAt = this.deps.now() + this.delay(code, error?.retryAfter ?? null)
  }

  /** Milliseconds until the next try: what the service asks for, where it does (Retry-After). */
  private delay(code: string, asked: number | null): number {
    if (asked !== null) return Math.max(1, asked) * 1_000
    if (RARE.has(code)) return this.rareBackoff.next()
    return (PATIENT.has(code) ? this.busyBackoff : this.backoff).next()
  }

  private release(): void {
    this.cancel.abort()
    this.upgrade?.abort()
    this.upgrade = null
    this.screen.abandonPreparing()
    this.connection?.close()
    this.connection = null
    this.retryAt = null
    this.figures = null
    this.heard(null)
  }

  private heard(stream: MediaStream | null): void {
    this.sound = stream
    this.onSound(stream)
  }

  /** Reconnect when the path is broken, or when nothing explains why no picture comes. */
  private checkLink(now: number): void {
    const peer = this.connection?.peer
    if (!peer) return
    const { at } = this.screen.picture
    const quiet = now - Math.max(at ?? 0, this.openedAt)
    const state = peer.connectionState
    if (state === 'failed' || state === 'closed') return this.failed(new ApiError(0, 'ice', ''))
    if (state === 'disconnected' && quiet > DISCONNECTED) return this.failed(new ApiError(0, 'ice', ''))
    if (this.isExplained()) return
    const hasShown = at !== null && at >= this.openedAt
    if (quiet > (hasShown ? SILENT : FIRST_PICTURE)) this.failed(new ApiError(0, 'no_picture', ''))
  }

  /** The service said that it is at work on the camera: connecting anew would not help. */
  private isExplained(): boolean {
    const state = this.news()?.state
    return state === 'retrying' || state === 'connecting' || state === 'blocked' || state === 'stalled'
  }

  private async readStats(): Promise<void> {
    const connection = this.connection
    if (!connection) return
    const figures = await this.stats.read(connection.peer).catch(() => null)
    if (connection !== this.connection || figures === null) return
    const hasMoved = figures.decoded > (this.figures?.decoded ?? 0)
    this.figures = figures
    if (!this.deps.isHidden()) this.deps.meter.passed(connection.variant, figures.passed)
    else if (hasMoved) this.screen.decoded(this.deps.now())
  }

  /** A hidden page gets no picture callbacks; coming back is not a stall. */
  private excuseHidden(now: number): void {
    const isHidden = this.deps.isHidden()
    if (this.wasHidden && !isHidden && this.link === 'open') this.screen.excuse(now)
    this.wasHidden = isHidden
  }
}
