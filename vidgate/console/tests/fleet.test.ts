import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import type { Channel } from '../src/api'
import type { FeedHandlers, ServiceEvent } from '../src/events'
import { channel } from './helpers'

const asked: { answer: (channels: Channel[]) => void; fail: (error: Error) => void }[] = []
let handlers: FeedHandlers

vi.mock('../src/api', () => ({
  ApiError: class ApiError extends Error {},
  api: {
    channels: () => new Promise<Channel[]>((answer, fail) => asked.push({ answer, fail })),
    platforms: () => Promise.resolve([]),
    streams: () => Promise.resolve([]),
  },
}))
vi.mock('../src/events', () => ({
  EventFeed: class {
    constructor(_: string, given: FeedHandlers) {
      handlers = given
    }
    start(): void {}
    stop(): void {}
  },
}))
vi.mock('../src/stores/session', () => ({ useSession: () => ({ restore: () => Promise.resolve(), storage: 'ok' }) }))

const { useFleet } = await import('../src/stores/fleet')

const settled = (): Promise<void> => new Promise((done) => setTimeout(done, 0))
const down = (since: number): ServiceEvent =>
  ({ seq: 1, time: since, type: 'channel.state', object: 'c1', data: { state: 'down', reason: 'timeout', since } }) as ServiceEvent

beforeEach(() => {
  asked.length = 0
  setActivePinia(createPinia())
  vi.stubGlobal('location', { protocol: 'http:', host: 'h' })
  vi.stubGlobal('document', { hidden: true })
})

describe('reading the register', () => {
  it('is done once at a time, and once more when it changed meanwhile', async () => {
    const fleet = useFleet()
    fleet.start()
    const all = [fleet.load(), fleet.load(), fleet.load()]
    expect(asked).toHaveLength(1)
    asked[0]!.answer([channel()])
    await settled()
    expect(asked).toHaveLength(2)
    asked[1]!.answer([channel({ name: '改名' })])
    await Promise.all(all)
    expect(asked).toHaveLength(2)
    expect(fleet.find('c1')?.name).toBe('改名')
  })

  it('loses no event that comes meanwhile', async () => {
    const fleet = useFleet()
    fleet.start()
    void fleet.load()
    const loaded = fleet.load()
    handlers.event(down(5))
    asked[0]!.answer([channel({ since: 1 })])
    await settled()
    expect(fleet.find('c1')?.state).toBe('down')
    handlers.event(down(9))
    asked[1]!.answer([channel({ since: 5, state: 'down' })])
    await loaded
    expect(fleet.find('c1')?.since).toBe(9)
  })

  it('tells a failure and may be tried again', async () => {
    const fleet = useFleet()
    fleet.start()
    const first = fleet.load()
    asked[0]!.fail(new Error('cut off'))
    await first
    expect(fleet.failure).toBe('other')
    expect(fleet.isLoaded).toBe(false)
    const second = fleet.load()
    asked[1]!.answer([channel()])
    await second
    expect(fleet.failure).toBe('')
    expect(fleet.isLoaded).toBe(true)
  })
})
