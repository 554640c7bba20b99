/** What a tile may claim about its picture: a pure function of what is known. */

import type { ChannelState } from './api'

export type TileState =
  | 'idle'
  | 'connecting'
  | 'playing'
  | 'stalled'
  | 'reconnecting'
  | 'offline'
  | 'unauthorized'
  | 'busy'
  | 'unsupported'
  | 'disabled'

/** The service's latest word on the stream that the tile watches. */
export interface StreamNews {
  state: string
  reason: string
  attempt: number
  /** `performance.now()` of the service's next try; null when it is trying or will not. */
  retryAt: number | null
  /** Pictures were lost of late between camera and service: what is shown may have faults. */
  isLossy: boolean
}

/** The tile's own connection: none wanted, waiting for its next try, being made, or standing. */
export type Link = 'none' | 'waiting' | 'opening' | 'open' | 'halted'

export interface Picture {
  /** `performance.now()` of the last picture shown; null before the first. */
  at: number | null
  /** `performance.now()` of the last sign that the picture lives: it differed from the one before. */
  changedAt: number | null
  /** `performance.now()` since when pictures have come without a gap. */
  since: number | null
  /** Milliseconds between pictures, smoothed. */
  interval: number
}

export interface Situation {
  link: Link
  /** Code of the last failure since a picture was seen; null when there was none. */
  failure: string | null
  /** Own failed attempts since a picture was seen. */
  attempt: number
  retryAt: number | null
  news: StreamNews | null
  channel: ChannelState | null
  /** The service's events broke off, and it has not answered since. */
  isServiceLost: boolean
  picture: Picture
  /** Pictures have not been proved to be live, or not since they stopped. */
  isDoubted: boolean
  /** The channel was seen live since it came into the tile. */
  hasPlayed: boolean
}

export interface Verdict {
  state: TileState
  /** Why, as a key of the catalogue's `reason`; empty where the state says it all. */
  reason: string
  attempt: number
  retryAt: number | null
}

/** A picture older than this is not live; slow cameras get four of their own intervals. */
export const STALE = 1_200
const STALE_AT_MOST = 5_000
/** Pictures that arrive but do not differ for so long are frozen: on-screen clocks tick every second. */
export const FROZEN = 1_600
/** Pictures prove to be live by coming for so long, where the service says nothing. */
const PROOF = 1_000
/** After so many tries the service has made, a camera is off rather than coming back. */
const OFFLINE_AFTER = 4

const FAILURES: Record<string, TileState> = {
  camera_unauthorized: 'unauthorized',
  unauthorized: 'unauthorized',
  no_credential: 'unauthorized',
  not_permitted: 'unauthorized',
  not_authenticated: 'unauthorized',
  camera_busy: 'busy',
  platform_full: 'busy',
  busy: 'busy',
  limit_reached: 'busy',
  too_many_requests: 'busy',
  not_acceptable: 'unsupported',
  unsupported: 'unsupported',
  unreachable: 'offline',
  timeout: 'offline',
  stream_not_found: 'offline',
  not_found: 'offline',
  refused: 'offline',
  redirected: 'offline',
  no_media: 'offline',
  no_address: 'offline',
  kind_not_served: 'unsupported',
  address_denied: 'offline',
  no_key_frame: 'offline',
  channel_disabled: 'disabled',
  protocol_error: 'offline',
  tls: 'offline',
  bad_input: 'offline',
}

/** The state that a failure's code stands for; what is not about the camera means: connect again. */
export const stateOfFailure = (code: string): TileState => FAILURES[code] ?? 'reconnecting'

export const staleAfter = (picture: Picture): number =>
  Math.min(STALE_AT_MOST, Math.max(STALE, picture.interval * 4))

export function isFresh(picture: Picture, now: number): boolean {
  return picture.at !== null && now - picture.at <= staleAfter(picture)
}

function isFrozen(picture: Picture, now: number): boolean {
  if (picture.changedAt === null) return false
  return now - picture.changedAt > Math.max(FROZEN, picture.interval * 4)
}

/**
 * Whether pictures that come are what the camera sees now.
 *
 * A browser that is new or misses pictures asks for a key frame, and may be answered with the last
 * ones from a cache, in one burst. So the service's word that nothing comes from the camera stands
 * against what is seen; and without its word that something does, pictures must go on for a while.
 */
export function isLive({ news, picture, isDoubted }: Omit<Situation, 'link'>, now: number): boolean {
  if (!isFresh(picture, now)) return false
  if (news !== null && SILENT.has(news.state)) return false
  const run = (picture.at ?? 0) - (picture.since ?? Infinity) // a burst is fresh for long, but short
  return !isDoubted || news?.state === 'live' || run >= PROOF
}

const SILENT = new Set(['connecting', 'stalled', 'retrying', 'blocked'])

const say = (
  state: TileState,
  reason = '',
  attempt = 0,
  retryAt: number | null = null,
): Verdict => ({ state, reason, attempt, retryAt })

/** A picture that moves is live unless the service knows better; else the most specific failure speaks. */
export function judge(situation: Situation, now: number): Verdict {
  const { link, failure, picture } = situation
  if (link === 'none') return say('idle')
  if (link === 'open' && isLive(situation, now)) {
    return isFrozen(picture, now) ? say('stalled', 'frozen') : say('playing')
  }
  if (link === 'open') return judgeSilence(situation)
  return failure === null ? say('connecting') : judgeFailure(situation, failure)
}

/** Failures that say no more than that nothing came from the service. */
const OUTAGES: ReadonlySet<string> = new Set(['ice', 'no_picture'])

/** Failures of which the service knows the reason, by the state of its stream. */
const EXPLAINED: Record<string, string> = {
  timeout: 'retrying', // a deadline passed while it waited for its own next try
  ice: 'blocked', // it ended the session
}

function judgeFailure({ news, attempt, retryAt, isServiceLost }: Situation, failure: string): Verdict {
  if (isServiceLost && OUTAGES.has(failure)) return say('reconnecting', 'network', attempt, retryAt)
  const reason = news !== null && EXPLAINED[failure] === news.state ? news.reason : failure
  return say(stateOfFailure(reason), reason, attempt, retryAt)
}

/** Connected to the service, but no picture comes. */
function judgeSilence(situation: Situation): Verdict {
  const { news, channel, failure, hasPlayed, isServiceLost } = situation
  if (isServiceLost) return say('reconnecting', 'network')
  if (news?.state === 'blocked') return judgeBlocked(news.reason)
  if (news?.state === 'retrying') return judgeRetrying(news, channel)
  if (failure !== null) return judgeFailure(situation, failure)
  if (!hasPlayed) return say('connecting')
  if (news?.state === 'connecting') return say('reconnecting')
  return say('stalled', 'no_picture')
}

/** The service tries no more until something changes. */
function judgeBlocked(reason: string): Verdict {
  const state = stateOfFailure(reason)
  return say(state === 'reconnecting' ? 'offline' : state, reason)
}

function judgeRetrying(news: StreamNews, channel: ChannelState | null): Verdict {
  const meant = stateOfFailure(news.reason)
  const isOff = channel === 'down' || news.attempt >= OFFLINE_AFTER
  const state = meant === 'offline' && !isOff ? 'reconnecting' : meant
  return say(state, news.reason, news.attempt + 1, news.retryAt) // the try that comes
}
