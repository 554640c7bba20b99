import { beforeEach, describe, expect, it, vi } from 'vitest'

import { ApiError } from '../src/api'
import { Gate } from '../src/gate'
import { Ledger, Meter } from '../src/playback'
import { Player, type PlayerDeps } from '../src/player'
import type { Screen } from '../src/screen'
import type { Picture, StreamNews } from '../src/verdict'
import type { WhepConnection, WhepHandlers, WhepRequest } from '../src/whep'
import { settle } from './helpers'

/** A screen on which pictures appear when the test says so. */
class FakeScreen {
  picture: Picture = { at: null, changedAt: null, since: null, interval: 40 }
  first: (() => void) | null = null
  sample = vi.fn()
  resume = vi.fn()
  excuse = vi.fn()
  decoded = vi.fn()
  abandonPreparing = vi.fn(() => (this.first = null))
  clear = vi.fn(() => (this.picture = { at: null, changedAt: null, since: null, interval: 40 }))
  show = (_: MediaStream, first: () => void): void => {
    this.first = first
  }

  present(now: number): void {
    const isGap = this.picture.at === null || now - this.picture.at > 600
    const since = isGap ? now : this.picture.since
    this.picture = { at: now, changedAt: now, since, interval: 40 }
    const first = this.first
    this.first = null
    first?.()
  }
}

class FakeConnection {
  peer = { connectionState: 'connected', getStats: () => Promise.resolve(new Map()) }
  close = vi.fn()
  drop = vi.fn()
  abandon = vi.fn()

  constructor(readonly variant: 'main' | 'sub') {}
}

const LIVE: StreamNews = { state: 'live', reason: '', attempt: 0, retryAt: null, isLossy: false }

let now: number
let news: StreamNews | null
let requests: WhepRequest[]
let outcome: (request: WhepRequest) => FakeConnection
let made: FakeConnection[]
let screen: FakeScreen
let player: Player
let isHidden: boolean
let isServiceLost: boolean
let ledger: Ledger

beforeEach(() => {
  now = 1_000
  isHidden = false
  isServiceLost = false
  news = LIVE
  requests = []
  made = []
  screen = new FakeScreen()
  outcome = ({ wanted }) => new FakeConnection(wanted === 'sub' ? 'sub' : 'main')
  const deps: PlayerDeps = {
    open: async (request: WhepRequest, handlers: WhepHandlers) => {
      requests.push(request)
      const connection = outcome(request)
      made.push(connection)
      handlers.picture({} as MediaStream)
      return connection as unknown as WhepConnection
    },
    gate: new Gate(4),
    meter: new Meter((ledger = new Ledger())),
    now: () => now,
    random: () => 0,
    news: () => news,
    channel: () => 'up',
    isServiceLost: () => isServiceLost,
    isHidden: () => isHidden,
  }
  player = new Player(screen as unknown as Screen, deps)
})

function refuse(code: string, retryAfter: number | null = null): void {
  outcome = () => {
    throw new ApiError(0, code, '', retryAfter)
  }
}

function accept(): void {
  outcome = () => new FakeConnection('main')
}

const state = (): string => player.view(now).verdict.state

async function pass(milliseconds: number): Promise<void> {
  for (const end = now + milliseconds; now < end; ) {
    now = Math.min(end, now + 250)
    player.tick(now)
    await settle()
  }
}

async function open(): Promise<void> {
  player.watch('c1', 'auto')
  await settle()
}

async function play(): Promise<void> {
  await open()
  screen.present(now)
}

describe('Player', () => {
  it('goes from connecting to playing with the first picture', async () => {
    player.watch('c1', 'auto')
    expect(state()).toBe('connecting')
    await settle()
    expect(state()).toBe('connecting')
    screen.present(now)
    expect(player.view(now)).toMatchObject({ verdict: { state: 'playing' }, lastPicture: null })
  })

  it('says so within 1.5 s when pictures stop, with the age of the last one', async () => {
    await play()
    expect(state()).toBe('playing')
    await pass(1_500)
    expect(state()).toBe('stalled')
    expect(player.view(now).lastPicture).not.toBeNull()
  })

  it('keeps its connection while the service says that it is at work on the camera', async () => {
    await play()
    news = { ...LIVE, state: 'retrying', reason: 'unreachable', retryAt: now + 400 }
    expect(state()).toBe('reconnecting')
    await pass(60_000)
    expect(requests).toHaveLength(1)
    news = LIVE
    screen.present(now)
    expect(state()).toBe('playing')
  })

  it('does not take a burst from a cache for the camera, neither at first nor later', async () => {
    news = null
    await play()
    await pass(250)
    expect(state()).toBe('connecting')
    news = LIVE
    screen.present(now)
    expect(state()).toBe('playing')
    news = null
    await pass(3_000)
    screen.present(now)
    await pass(250)
    expect(state()).toBe('stalled')
    for (let turn = 0; turn < 5; turn += 1) {
      screen.present(now)
      await pass(250)
    }
    expect(state()).toBe('playing')
  })

  it('connects anew when nothing explains the silence', async () => {
    await play()
    await pass(9_000)
    expect(requests).toHaveLength(2)
    expect(made[0]!.close).toHaveBeenCalledOnce()
    screen.present(now)
    expect(state()).toBe('playing')
  })

  it('connects anew soon when the path to the service is broken', async () => {
    await play()
    made[0]!.peer.connectionState = 'disconnected'
    await pass(2_000)
    expect(requests).toHaveLength(2)
  })

  it('tries again after a failure, later and later', async () => {
    refuse('unreachable')
    await open()
    expect(player.view(now).verdict).toMatchObject({ state: 'offline', attempt: 1, retryAt: now + 250 })
    await pass(250)
    expect(requests).toHaveLength(2)
    expect(player.view(now).verdict).toMatchObject({ attempt: 2, retryAt: now + 500 })
    await pass(60_000)
    expect(requests.length).toBeGreaterThan(10)
  })

  it('does not try again where that would lock the camera, until something changed', async () => {
    refuse('camera_unauthorized')
    await open()
    await pass(120_000)
    player.encourage(false)
    expect(requests).toHaveLength(1)
    expect(state()).toBe('unauthorized')
    accept()
    player.forgiven()
    await settle()
    screen.present(now)
    expect(state()).toBe('playing')
  })

  it('lets a channel that was withdrawn be until the register changes', async () => {
    await play()
    refuse('channel_disabled')
    player.withdrawn('channel_disabled', 'sub')
    expect(state()).toBe('playing')
    player.withdrawn('channel_disabled', 'main')
    expect(state()).toBe('disabled')
    expect(made[0]!.drop).toHaveBeenCalledOnce()
    expect(made[0]!.close).not.toHaveBeenCalled()
    await pass(120_000)
    player.forgiven()
    await settle()
    expect(requests).toHaveLength(1)
    player.restored() // something else in it has
    await settle()
    expect(requests).toHaveLength(2)
    expect(state()).toBe('disabled')
    await pass(2_000)
    accept()
    player.restored()
    await settle()
    screen.present(now)
    expect(state()).toBe('playing')
  })

  it('hears that a channel is back however soon after other news, and asks once a second at most', async () => {
    refuse('channel_disabled')
    await open()
    player.restored() // something else
    await settle()
    expect(requests).toHaveLength(2)
    await pass(250)
    accept()
    player.restored() // this one
    player.restored()
    await settle()
    expect(requests).toHaveLength(2)
    await pass(1_000)
    expect(requests).toHaveLength(3)
    screen.present(now)
    expect(state()).toBe('playing')
  })

  it.each([
    ['not_found', 2],
    ['no_address', 2],
    ['kind_not_served', 2],
    ['not_permitted', 1],
  ])('asks again when the register changed while %s was on its way', async (code, asked) => {
    outcome = () => {
      player.restored()
      throw new ApiError(404, code, '')
    }
    await open()
    accept()
    await pass(2_000)
    expect(requests).toHaveLength(asked)
  })

  it('asks anew for a channel of which a stream is gone', async () => {
    await play()
    player.withdrawn('not_found', 'main')
    expect(state()).toBe('offline')
    await settle()
    screen.present(now)
    expect(requests).toHaveLength(2)
    expect(state()).toBe('playing')
    refuse('not_found')
    player.withdrawn('not_found', 'main')
    await settle()
    await pass(120_000)
    expect(requests).toHaveLength(3)
    expect(state()).toBe('offline')
  })

  it('asks for a forbidden address once a minute at most, and later and later', async () => {
    refuse('address_denied')
    await open()
    expect(player.view(now).verdict).toMatchObject({ state: 'offline', retryAt: now + 60_000 })
    await pass(59_750)
    expect(requests).toHaveLength(1)
    await pass(250)
    expect(requests).toHaveLength(2)
    expect(player.view(now).verdict).toMatchObject({ attempt: 2, retryAt: now + 120_000 })
  })

  it('waits for a busy camera as long as it is asked to', async () => {
    refuse('camera_busy', 20)
    await open()
    await pass(19_750)
    expect(requests).toHaveLength(1)
    expect(state()).toBe('busy')
    await pass(250)
    expect(requests).toHaveLength(2)
  })

  it('waits no longer than it is asked to, however often it was refused', async () => {
    refuse('camera_busy', 3)
    await open()
    await pass(12_000)
    expect(requests).toHaveLength(5)
  })

  it('asks soon again where a platform is full by our own count', async () => {
    refuse('platform_full')
    await open()
    expect(state()).toBe('busy')
    accept()
    await pass(1_000)
    screen.present(now)
    expect(state()).toBe('playing')
  })

  it('need not wait when the stream is known to be live again', async () => {
    refuse('camera_busy', 20)
    await open()
    accept()
    player.encourage(false)
    await settle()
    screen.present(now)
    expect(state()).toBe('playing')
  })

  it('changes the stream without losing the picture', async () => {
    player.watch('c1', 'sub')
    await settle()
    screen.present(now)
    void player.switchTo('auto')
    await settle()
    expect(made[0]!.close).not.toHaveBeenCalled()
    expect(player.view(now)).toMatchObject({ verdict: { state: 'playing' }, variant: 'sub' })
    screen.present(now)
    expect(made[0]!.close).toHaveBeenCalledOnce()
    expect(player.view(now)).toMatchObject({ verdict: { state: 'playing' }, variant: 'main' })
  })

  it('keeps the picture when the better stream cannot be had', async () => {
    player.watch('c1', 'sub')
    await settle()
    screen.present(now)
    outcome = () => new FakeConnection('sub')
    await player.switchTo('auto')
    expect(made[0]!.close).not.toHaveBeenCalled()
    expect(made[1]!.close).toHaveBeenCalledOnce()
    expect(player.view(now)).toMatchObject({ verdict: { state: 'playing' }, variant: 'sub' })
  })

  it('measures what the viewer sees, and nothing while the page is hidden', async () => {
    await play()
    player.view(now)
    now += 500
    screen.present(now)
    player.view(now)
    await pass(1_500)
    player.view(now)
    expect(ledger.take()).toMatchObject([{ variant: 'main', first_frames: [0], playing: 0.5, stalls: 1 }])
    isHidden = true
    await pass(1_000)
    player.view(now)
    expect(ledger.take()).toEqual([])
  })

  it('closes its session when it stops, and when it leaves with the page', async () => {
    await play()
    player.stop()
    expect(made[0]!.close).toHaveBeenCalledOnce()
    expect(state()).toBe('idle')
    await play()
    player.abandon()
    expect(made[1]!.abandon).toHaveBeenCalledOnce()
  })
})
