import { beforeEach, describe, expect, it, vi } from 'vitest'

import { EventFeed, type FeedHandlers, type FeedStatus } from '../src/events'
import { Timers } from './helpers'

class Socket {
  onmessage: ((message: { data: string }) => void) | null = null
  onclose: (() => void) | null = null
  isClosed = false

  constructor(readonly url: string) {}

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }

  close(): void {
    this.isClosed = true
  }
}

let sockets: Socket[]
let timers: Timers
let statuses: FeedStatus[]
let handlers: { [name in keyof FeedHandlers]: ReturnType<typeof vi.fn> }
let feed: EventFeed

const last = (): Socket => sockets.at(-1)!
const event = (seq: number): object => ({ seq, time: 1, type: 'channel.state', object: 'c1', data: {} })

beforeEach(() => {
  sockets = []
  statuses = []
  timers = new Timers()
  handlers = {
    hello: vi.fn(),
    event: vi.fn(),
    failed: vi.fn(),
    status: vi.fn((status: FeedStatus) => statuses.push(status)),
  }
  feed = new EventFeed('ws://x/events', handlers as unknown as FeedHandlers, {
    open: (url) => {
      sockets.push(new Socket(url))
      return last() as unknown as WebSocket
    },
    now: () => timers.now,
    after: timers.after,
    random: () => 0,
  })
  feed.start()
})

describe('EventFeed', () => {
  it('asks for everything to be loaded at first', () => {
    last().say({ type: 'hello', seq: 7, complete: true })
    expect(handlers.hello).toHaveBeenCalledWith(false)
    expect(statuses.at(-1)?.state).toBe('open')
  })

  it('resumes after the last event it saw', () => {
    last().say({ type: 'hello', seq: 7, complete: true })
    last().say(event(9))
    last().onclose?.()
    expect(statuses.at(-1)).toMatchObject({ state: 'lost', attempt: 1, retryAt: 200, lostAt: 0 })
    timers.advance(200)
    expect(last().url).toBe('ws://x/events?after=9')
    last().say({ type: 'hello', seq: 12, complete: true })
    expect(handlers.hello).toHaveBeenLastCalledWith(true)
    last().say(event(10))
    expect(handlers.event).toHaveBeenCalledTimes(2)
  })

  it('loads everything anew when events were forgotten', () => {
    last().say({ type: 'hello', seq: 7, complete: true })
    last().onclose?.()
    timers.advance(200)
    last().say({ type: 'hello', seq: 2, complete: false })
    expect(handlers.hello).toHaveBeenLastCalledWith(false)
    last().onclose?.()
    timers.advance(10_000)
    expect(last().url).toBe('ws://x/events?after=2')
  })

  it('waits longer and longer, and at once on demand', () => {
    last().onclose?.()
    timers.advance(200)
    last().onclose?.()
    expect(statuses.at(-1)).toMatchObject({ attempt: 2, retryAt: 600, lostAt: 0 })
    feed.retryNow()
    expect(sockets).toHaveLength(3)
    expect(handlers.failed).toHaveBeenCalledTimes(2)
  })

  it('takes silence for a loss where heartbeats were promised', () => {
    last().say({ type: 'hello', seq: 7, complete: true, heartbeat: 10 })
    timers.advance(20_000)
    last().say({ type: 'heartbeat' })
    timers.advance(24_000)
    expect(statuses.at(-1)?.state).toBe('open')
    timers.advance(2_000)
    expect(statuses.at(-1)?.state).toBe('lost')
    expect(sockets[0]!.isClosed).toBe(true)
  })

  it('gives up a greeting that does not come', () => {
    timers.advance(6_000)
    expect(statuses.at(-1)?.state).toBe('lost')
  })

  it('stays away once stopped', () => {
    feed.stop()
    timers.advance(60_000)
    expect(sockets).toHaveLength(1)
    expect(last().isClosed).toBe(true)
  })
})
