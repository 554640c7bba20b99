/** The service's events over a WebSocket, resumed where they broke off. */

import { Backoff } from './backoff'

export interface ServiceEvent {
  seq: number
  time: number
  type: string
  object: string
  data: Record<string, unknown>
}

export interface Hello {
  type: 'hello'
  seq: number
  complete: boolean
  /** Seconds between signs of life, where the service sends them. */
  heartbeat?: number
}

export interface FeedStatus {
  state: 'connecting' | 'open' | 'lost'
  /** Failed attempts since the connection was lost. */
  attempt: number
  /** `performance.now()` of the next attempt; null while one is under way. */
  retryAt: number | null
  /** `performance.now()` of the loss; null while open. */
  lostAt: number | null
}

export interface FeedHandlers {
  /** The connection stands; `complete` false: events were missed, reload everything. */
  hello: (complete: boolean) => void
  event: (event: ServiceEvent) => void
  status: (status: FeedStatus) => void
  /** Asked after each failed attempt, because a refused WebSocket does not say why. */
  failed: () => void
}

export interface FeedDeps {
  open: (url: string) => WebSocket
  now: () => number
  after: (milliseconds: number, task: () => void) => () => void
  random?: () => number
}

const browser: FeedDeps = {
  open: (url) => new WebSocket(url),
  now: () => performance.now(),
  after: (milliseconds, task) => {
    const timer = setTimeout(task, milliseconds)
    return () => clearTimeout(timer)
  },
}

const HANDSHAKE = 6_000 // milliseconds from opening to hello
const SILENCE = 2.5 // heartbeats missed before the connection counts as dead

export class EventFeed {
  private socket: WebSocket | null = null
  private seq: number | null = null
  private lostAt: number | null = null
  private cancelTimer = (): void => {}
  private heartbeat = 0
  private closed = false
  private readonly backoff: Backoff

  constructor(
    private readonly url: string,
    private readonly handlers: FeedHandlers,
    private readonly deps: FeedDeps = browser,
  ) {
    this.backoff = new Backoff(400, 5_000, deps.random ?? Math.random)
  }

  start(): void {
    this.closed = false
    this.connect()
  }

  stop(): void {
    this.closed = true
    this.drop()
  }

  /** Try at once (the network came back, the operator pressed the button). */
  retryNow(): void {
    if (this.closed || this.lostAt === null) return
    this.drop()
    this.connect()
  }

  private connect(): void {
    const url = this.seq === null ? this.url : `${this.url}?after=${this.seq}`
    const socket = this.deps.open(url)
    this.socket = socket
    this.report(this.lostAt === null ? 'connecting' : 'lost', null)
    this.watchdog(HANDSHAKE)
    socket.onmessage = (message) => this.receive(String(message.data))
    socket.onclose = () => this.lost()
  }

  private receive(text: string): void {
    const message = JSON.parse(text) as ServiceEvent | Hello
    if (message.type === 'hello') return this.greeted(message as Hello)
    this.watchdog(this.heartbeat)
    if (message.type === 'heartbeat') return
    const event = message as ServiceEvent
    this.seq = event.seq
    this.handlers.event(event)
  }

  private greeted(hello: Hello): void {
    const isFirst = this.seq === null
    this.heartbeat = (hello.heartbeat ?? 0) * 1_000 * SILENCE
    this.lostAt = null
    this.backoff.reset()
    this.watchdog(this.heartbeat)
    // Missed events are not replayed after an incomplete hello, so count on from what it says.
    if (isFirst || !hello.complete) this.seq = hello.seq
    this.report('open', null)
    this.handlers.hello(!isFirst && hello.complete)
  }

  private lost(): void {
    this.drop()
    if (this.closed) return
    this.lostAt ??= this.deps.now()
    const delay = this.backoff.next()
    this.report('lost', this.deps.now() + delay)
    this.cancelTimer = this.deps.after(delay, () => this.connect())
    this.handlers.failed()
  }

  private drop(): void {
    this.cancelTimer()
    this.cancelTimer = () => {}
    const socket = this.socket
    this.socket = null
    if (!socket) return
    socket.onmessage = null
    socket.onclose = null
    socket.close()
  }

  private watchdog(milliseconds: number): void {
    this.cancelTimer()
    this.cancelTimer = milliseconds > 0 ? this.deps.after(milliseconds, () => this.lost()) : () => {}
  }

  private report(state: FeedStatus['state'], retryAt: number | null): void {
    this.handlers.status({ state, attempt: this.backoff.attempt, retryAt, lostAt: this.lostAt })
  }
}
