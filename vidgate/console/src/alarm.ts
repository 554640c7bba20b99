/** Alarms as the service tells them, and a list of them kept by its events. */

export type Severity = 'critical' | 'major' | 'minor'
export type Attention = 'open' | 'acknowledged' | 'closed'
export type Verb = 'acknowledge' | 'note' | 'close'

export interface Alarm {
  id: number
  cause: 'platform' | 'area' | 'host' | 'scattered' | 'single'
  /** Platform, area, the name made for a device, or the channel; empty for a scattered one. */
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

export interface AlarmMember {
  channel: string
  since: number
  until: number | null
  state: 'down' | 'unauthorized' | 'degraded'
  reason: string
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

export const SHOWS: readonly Show[] = ['unclosed', 'closed', 'all']
const URGENCY: Record<Severity, number> = { critical: 0, major: 1, minor: 2 }
const LIMIT = 1_000

const belongs = (show: Show, { attention }: Alarm): boolean =>
  show === 'all' || (attention === 'closed') === (show === 'closed')

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
