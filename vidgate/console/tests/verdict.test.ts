import { describe, expect, it } from 'vitest'

import { judge, type Situation, type StreamNews } from '../src/verdict'

const NOW = 100_000

function situation(fields: Partial<Situation> = {}): Situation {
  return {
    link: 'open',
    failure: null,
    attempt: 0,
    retryAt: null,
    news: null,
    channel: 'up',
    isServiceLost: false,
    picture: { at: NOW - 40, changedAt: NOW - 40, since: NOW - 9_000, interval: 40 },
    isDoubted: false,
    hasPlayed: true,
    ...fields,
  }
}

const news = (fields: Partial<StreamNews>): StreamNews => ({
  state: 'live',
  reason: '',
  attempt: 0,
  retryAt: null,
  isLossy: false,
  ...fields,
})

const GONE = { at: NOW - 3_000, changedAt: NOW - 3_000, since: NOW - 9_000, interval: 40 }
const NEVER = { at: null, changedAt: null, since: null, interval: 0 }

describe('judge', () => {
  it('calls a moving picture playing', () => {
    expect(judge(situation(), NOW).state).toBe('playing')
    expect(judge(situation({ news: news({ state: 'live' }) }), NOW).state).toBe('playing')
  })

  it('never calls an old picture playing, whatever else is said', () => {
    expect(judge(situation({ picture: GONE }), NOW)).toMatchObject({ state: 'stalled', reason: 'no_picture' })
    expect(judge(situation({ picture: GONE, news: news({ state: 'live' }) }), NOW).state).toBe('stalled')
  })

  it('says that the service is gone where it is, and nothing of the camera', () => {
    const lost = { picture: GONE, isServiceLost: true }
    const gone = { state: 'reconnecting', reason: 'network' }
    expect(judge(situation(lost), NOW)).toMatchObject(gone)
    expect(judge(situation({ ...lost, hasPlayed: false }), NOW)).toMatchObject(gone)
    expect(judge(situation({ ...lost, link: 'waiting', failure: 'ice', attempt: 2 }), NOW)).toMatchObject({ ...gone, attempt: 2 })
    expect(judge(situation({ ...lost, link: 'halted', failure: 'no_credential' }), NOW).reason).toBe('no_credential')
    expect(judge(situation({ isServiceLost: true }), NOW).state).toBe('playing')
  })

  it('believes the service when it knows that moving pictures come from a cache', () => {
    const retrying = news({ state: 'retrying', reason: 'unreachable', attempt: 1, retryAt: NOW + 900 })
    expect(judge(situation({ news: retrying }), NOW)).toEqual({
      state: 'reconnecting',
      reason: 'unreachable',
      attempt: 2,
      retryAt: NOW + 900,
    })
    expect(judge(situation({ news: news({ state: 'stalled' }) }), NOW).state).toBe('stalled')
  })

  it('wants pictures that come again to go on for a while, unless the service vouches for them', () => {
    const burst = { at: NOW - 40, changedAt: NOW - 40, since: NOW - 300, interval: 40 }
    const old = { ...burst, at: NOW - 900, since: NOW - 1_200 }
    const doubted = situation({ picture: burst, isDoubted: true })
    expect(judge(doubted, NOW).state).toBe('stalled')
    expect(judge({ ...doubted, hasPlayed: false }, NOW).state).toBe('connecting')
    expect(judge({ ...doubted, news: news({ state: 'live' }) }, NOW).state).toBe('playing')
    expect(judge({ ...doubted, picture: old }, NOW).state).toBe('stalled')
    expect(judge({ ...doubted, picture: { ...burst, since: NOW - 1_040 } }, NOW).state).toBe('playing')
  })

  it('notices a picture that arrives but stands still', () => {
    const frozen = { at: NOW - 40, changedAt: NOW - 1_700, since: NOW - 9_000, interval: 40 }
    expect(judge(situation({ picture: frozen }), NOW)).toMatchObject({ state: 'stalled', reason: 'frozen' })
  })

  it('gives a slow camera four of its own intervals', () => {
    const slow = { at: NOW - 2_000, changedAt: NOW - 2_000, since: NOW - 9_000, interval: 1_000 }
    expect(judge(situation({ picture: slow }), NOW).state).toBe('playing')
  })

  it('says offline once the channel is known to be down or many tries failed', () => {
    const retrying = news({ state: 'retrying', reason: 'unreachable', attempt: 1 })
    const down = situation({ picture: GONE, channel: 'down', news: retrying })
    expect(judge(down, NOW).state).toBe('offline')
    const many = situation({ picture: GONE, news: news({ ...retrying, attempt: 4 }) })
    expect(judge(many, NOW).state).toBe('offline')
  })

  it.each([
    ['camera_unauthorized', 'unauthorized'],
    ['not_permitted', 'unauthorized'],
    ['camera_busy', 'busy'],
    ['platform_full', 'busy'],
    ['limit_reached', 'busy'],
    ['not_acceptable', 'unsupported'],
    ['unreachable', 'offline'],
    ['timeout', 'offline'],
    ['too_many_requests', 'busy'],
    ['verdict_pending', 'reconnecting'],
    ['network', 'reconnecting'],
    ['ice', 'reconnecting'],
    ['something_new', 'reconnecting'],
  ])('makes %s of a failed offer: %s', (failure, state) => {
    const verdict = judge(situation({ link: 'waiting', failure, attempt: 2, retryAt: NOW + 500 }), NOW)
    expect(verdict).toEqual({ state, reason: failure, attempt: 2, retryAt: NOW + 500 })
  })

  it('asks the service why, when only a deadline passed', () => {
    const busy = news({ state: 'retrying', reason: 'camera_busy', attempt: 1 })
    const waiting = situation({ link: 'waiting', failure: 'timeout', news: busy })
    expect(judge(waiting, NOW)).toMatchObject({ state: 'busy', reason: 'camera_busy' })
  })

  it('is connecting until the first picture or the first failure', () => {
    expect(judge(situation({ link: 'opening', picture: NEVER, hasPlayed: false }), NOW).state).toBe('connecting')
    expect(judge(situation({ picture: NEVER, hasPlayed: false }), NOW).state).toBe('connecting')
    expect(judge(situation({ picture: NEVER, failure: 'ice', attempt: 1 }), NOW).state).toBe('reconnecting')
  })

  it('keeps saying why while it tries again', () => {
    const trying = situation({ link: 'opening', failure: 'unreachable', attempt: 3 })
    expect(judge(trying, NOW)).toMatchObject({ state: 'offline', attempt: 3, retryAt: null })
  })

  it('is unauthorized when the service will not ask the camera again', () => {
    const blocked = news({ state: 'blocked', reason: 'camera_unauthorized' })
    expect(judge(situation({ picture: GONE, news: blocked }), NOW).state).toBe('unauthorized')
  })

  it.each([
    ['channel_disabled', 'disabled'],
    ['not_found', 'offline'],
    ['no_address', 'offline'],
    ['kind_not_served', 'unsupported'],
    ['address_denied', 'offline'],
    ['redirected', 'offline'],
    ['unsupported', 'unsupported'],
    ['something_new', 'offline'],
  ])('calls a stream that is blocked by %s %s', (reason, state) => {
    const blocked = news({ state: 'blocked', reason })
    const verdict = { state, reason, attempt: 0, retryAt: null }
    expect(judge(situation({ picture: GONE, news: blocked }), NOW)).toEqual(verdict)
    expect(judge(situation({ news: blocked }), NOW)).toEqual(verdict) // whatever still shows
    const ended = situation({ link: 'waiting', failure: 'ice', news: blocked })
    expect(judge(ended, NOW).reason).toBe(reason)
  })

  it('is idle without a channel', () => {
    expect(judge(situation({ link: 'none', picture: NEVER }), NOW).state).toBe('idle')
  })
})
