/** Alarms as the service tells them, and a list of them kept by its events. */

import type { ChannelState } from './api'

export type Severity = 'critical' | 'major' | 'minor'
export type Attention = 'open' | 'acknowledged' | 'closed'
export type Verb = 'acknowledge' | 'note' | 'close'

export interface Alarm {
  id: number
  cause: Cause
  /** Platform, area, the name made for a device, or the channel; empty for the uplink and a scattered one. */
  subject: string
  severity: Severity
  attention: Attention
  /** Wall-clock seconds, like `ended` and `acknowledged`. */
  opened: number
  ended: number | null
  channels: number
  failing: number
  returns: number
  merged: number | null
  acknowledged_by: string
  acknowledged: number | null
  closed_by: string
}

/** Why a channel belongs to an alarm no more, and its mark then: only the first works again. */
const DEPARTURES = { recovered: 'up', maintenance: 'maintenance', withdrawn: 'disabled', moved: 'unknown', left_over: 'unknown' } as const

export interface AlarmMember {
  channel: string
  since: number
  until: number | null
  /** Null with an `until`: an older service did not record it. */
  departure: keyof typeof DEPARTURES | null
  state: 'down' | 'unauthorized' | 'degraded'
  reason: string
}

export function markOf({ until, departure, state }: AlarmMember): ChannelState {
  if (until === null) return state
  return departure === null ? 'unknown' : DEPARTURES[departure]
}

export interface AlarmNote {
  time: number
  actor: string
  action: Verb
  text: string
}

export interface AlarmDetail extends Alarm {
  members: AlarmMember[]
  notes: AlarmNote[]
}

export type Show = 'unclosed' | 'closed' | 'all'

export const CAUSES = ['uplink', 'platform', 'area', 'host', 'scattered', 'single'] as const
export type Cause = (typeof CAUSES)[number]

/** What a list is narrowed to; empty: any. `since` is a length, of the past only. */
export const FILTERS = ['cause', 'platform', 'area', 'department', 'since'] as const
export type Filters = Record<(typeof FILTERS)[number], string>
export const LENGTHS = ['1d', '7d', '30d'] as const

export const SHOWS: readonly Show[] = ['unclosed', 'closed', 'all']
const URGENCY: Record<Severity, number> = { critical: 0, major: 1, minor: 2 }
const LIMIT = 1_000

const belongs = (show: Show, { attention }: Alarm): boolean =>
  show === 'all' || (attention === 'closed') === (show === 'closed')

export const noFilters = (): Filters => ({ cause: '', platform: '', area: '', department: '', since: '' })

/** What the service is asked with, and the address says. */
export function queryOf(show: Show, filters: Filters): Record<string, string> {
  const said = FILTERS.filter((name) => filters[name] && (name !== 'since' || show !== 'unclosed'))
  return Object.fromEntries(said.map((name) => [name, filters[name]]))
}

export function filtersOf(query: Readonly<Record<string, string>>): Filters {
  const filters = noFilters()
  for (const name of FILTERS) filters[name] = query[name] ?? ''
  if (!CAUSES.some((one) => one === filters.cause)) filters.cause = ''
  if (!LENGTHS.some((one) => one === filters.since)) filters.since = ''
  return filters
}

/** What needs somebody first: not seen to, then the widest cause, then the newest. */
export function ordered(alarms: readonly Alarm[], show: Show): Alarm[] {
  const rank = (one: Alarm): number => (show === 'unclosed' ? Number(one.attention !== 'open') * 4 + URGENCY[one.severity] : 0)
  return [...alarms].sort((one, other) => rank(one) - rank(other) || other.opened - one.opened || other.id - one.id)
}

/** The list after an event told how one alarm stands now. */
export function withNews(alarms: readonly Alarm[], news: Alarm, show: Show): Alarm[] {
  const others = alarms.filter(({ id }) => id !== news.id)
  return belongs(show, news) ? [news, ...others].slice(0, LIMIT) : others
}
