import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { ApiError, api, type Part } from '../src/api'
import { Ledger, Meter } from '../src/playback'
import type { Passed } from '../src/stats'
import { usePlayback } from '../src/stores/playback'

const PASSED: Passed = {
  received: 100,
  lost: 2,
  decoded: 25,
  dropped: 1,
  freezes: 1,
  frozen: 0.2,
  delay: 0.5,
  emitted: 25,
}

let ledger: Ledger
let meter: Meter

beforeEach(() => {
  ledger = new Ledger()
  meter = new Meter(ledger)
})

const only = (): Part => {
  const parts = ledger.take()
  expect(parts).toHaveLength(1)
  return parts[0] as Part
}

describe('Meter', () => {
  it('measures from the wish to the picture, once', () => {
    meter.wish(1_000)
    meter.look('connecting', null, 1_100, null)
    meter.look('playing', 'main', 1_250, 1_250)
    meter.look('playing', 'main', 1_500, 1_500)
    expect(only()).toMatchObject({ variant: 'main', first_frames: [0.25], playing: 0.25, stalls: 0 })
  })

  it('counts a stall from the last live picture to the next', () => {
    meter.wish(0)
    meter.look('playing', 'sub', 0, 0)
    meter.look('playing', 'sub', 2_000, 2_000)
    meter.look('stalled', 'sub', 3_300, 2_000)
    meter.look('reconnecting', 'sub', 4_000, 2_000)
    meter.look('playing', 'sub', 4_500, 4_500)
    meter.look('playing', 'sub', 5_500, 5_500)
    expect(only()).toMatchObject({ playing: 3, stalls: 1, stalled: 2.5 })
  })

  it('leaves to the channel what the tile says of the camera', () => {
    meter.wish(0)
    meter.look('offline', 'main', 5_000, null)
    meter.look('playing', 'main', 60_000, 60_000)
    meter.look('playing', 'main', 61_000, 61_000)
    meter.look('busy', 'main', 63_000, 61_000)
    meter.look('busy', 'main', 90_000, 61_000)
    expect(only()).toMatchObject({ first_frames: [], playing: 1, stalls: 0, stalled: 0 })
  })

  it('counts nothing while it rests', () => {
    meter.wish(0)
    meter.look('playing', 'main', 100, 100)
    meter.look('playing', 'main', 1_100, 1_100)
    meter.rest()
    meter.look('stalled', 'main', 90_000, 1_100)
    meter.look('playing', 'main', 91_000, 91_000)
    meter.look('playing', 'main', 92_000, 92_000)
    expect(only()).toMatchObject({ first_frames: [0.1], playing: 2, stalls: 0, stalled: 0 })
  })

  it('adds up the statistics, and makes one figure of the buffer of fifteen looks', () => {
    for (let look = 0; look < 16; look += 1) meter.passed('main', PASSED)
    expect(only()).toMatchObject({ received: 1_600, lost: 32, decoded: 400, freezes: 16, buffers: [0.02] })
  })
})

describe('Ledger', () => {
  it('is empty after it was taken, and takes back what could not be told', () => {
    ledger.add('main', { stalls: 1 })
    const parts = ledger.take()
    expect(ledger.take()).toEqual([])
    ledger.add('main', { stalls: 2, first_frames: [1] })
    ledger.giveBack(parts)
    expect(only()).toMatchObject({ stalls: 3, first_frames: [1] })
  })

  it('does not grow for ever', () => {
    for (let turn = 0; turn < 200; turn += 1) ledger.add('main', { first_frames: [1], buffers: [1] })
    const { first_frames, buffers } = only()
    expect([first_frames.length, buffers.length]).toEqual([64, 64])
  })
})

describe('the store', () => {
  beforeEach(() => setActivePinia(createPinia()))

  it('tells all tiles in one request, and nothing when nothing was seen', async () => {
    const told = vi.spyOn(api, 'tellPlayback').mockResolvedValue(null)
    const playback = usePlayback()
    await playback.tell()
    expect(told).not.toHaveBeenCalled()
    playback.meter().passed('main', PASSED)
    playback.meter().passed('sub', PASSED)
    await playback.tell()
    expect(told).toHaveBeenCalledOnce()
    expect(told.mock.calls[0]![0].map(({ variant }) => variant)).toEqual(['main', 'sub'])
    told.mockRestore()
  })

  it.each([
    [0, 1],
    [429, 1],
    [503, 1],
    [400, 0],
    [403, 0],
  ])('after an answer of %i tells the same once more: %i', async (status, again) => {
    const told = vi.spyOn(api, 'tellPlayback').mockRejectedValue(new ApiError(status, 'x', ''))
    const playback = usePlayback()
    playback.meter().passed('main', PASSED)
    await playback.tell()
    await playback.tell()
    expect(told).toHaveBeenCalledTimes(1 + again)
    told.mockRestore()
  })
})
