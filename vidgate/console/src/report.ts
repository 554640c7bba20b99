/** The uptime report: its shapes, and what the page makes of it. Pure. */

export type By = 'department' | 'platform' | 'area' | 'class'
export const GROUPINGS: readonly By[] = ['department', 'platform', 'area', 'class']
export const WINDOWS = ['1d', '7d', '30d', '90d'] as const
export const MAIN = 'online_time'

/** `online` of `counted`: seconds, channel-days or channels, by the form of the KPI. */
export interface Figure {
  share: number | null
  percent: string | null
  online: number
  counted: number
}

export interface Spent {
  id: string
  counted: boolean
  /** It counts as online all the same: busy, a picture fault. */
  online: boolean
  seconds: number
  share: number
  reasons: Record<string, number>
}

export interface Group {
  name: string
  channels: number
  kpis: Record<string, Figure>
  causes: Spent[]
}

export interface Kpi {
  id: string
  version: number
  zh: string
  en: string
  form: 'time' | 'days' | 'snapshot'
  numerator: string[]
  lifecycles: string[]
  without: string[]
  own_downtime: 'count' | 'leave_out'
  excused: 'count' | 'leave_out'
  decimals: number
}

export interface Day extends Figure {
  start: number
  end: number
  date: string
  /** False: what was seen of it is forgotten, and it is in no figure. */
  is_known: boolean
  groups: Record<string, number>
}

export interface Worst extends Figure {
  id: string
  name: string
  department: string
  /** Empty: not registered as the window ends; null: forgotten. */
  state: string | null
  causes: Spent[]
}

/** A maintenance window or an excuse: what was left out, why, and on whose word. */
export interface Exclusion {
  id: number
  scope: 'channel' | 'platform' | 'department' | 'area'
  subject: string
  start: number
  end: number | null
  reason: string
  actor: string
  is_excuse: boolean
}

export interface UptimeReport {
  since: number
  until: number
  /** The window as it was asked for: `since` and `until` are midnights around it where no more than whole days is kept. */
  asked_since: number
  asked_until: number
  /** From when changes of state are kept. */
  changes_since: number
  /** Whose midnights divide the days; empty: the service's machine has a zone without a name. */
  timezone: string
  by: By
  exclusions: Exclusion[]
  kpis: Kpi[]
  causes: { id: string; version: number; zh: string; en: string }[]
  total: Group
  groups: Group[]
  days: Day[]
  channels: Worst[]
}

export interface UptimeQuery {
  by: By
  since: string
  format?: 'json' | 'xlsx' | 'html'
}

export const uptimePath = ({ by, since, format = 'json' }: UptimeQuery): string =>
  `/api/v1/reports/uptime?${new URLSearchParams({ by, since, format }).toString()}`

/** What is not as it was asked for, because the past is forgotten: keys of the catalogue below `report`. */
export type Limit =
  | { key: 'widened'; kept: number; asked: [number, number]; used: [number, number] }
  | { key: 'unknownDays'; days: string[] }
  | { key: 'noSnapshot' }

export function limitsOf(report: Pick<UptimeReport, 'since' | 'until' | 'asked_since' | 'asked_until' | 'changes_since' | 'days'>): Limit[] {
  const found: Limit[] = []
  if (report.asked_since !== report.since || report.asked_until !== report.until)
    found.push({
      key: 'widened',
      kept: report.changes_since,
      asked: [report.asked_since, report.asked_until],
      used: [report.since, report.until],
    })
  const days = report.days.filter((day) => !day.is_known).map((day) => day.date)
  if (days.length > 0) found.push({ key: 'unknownDays', days })
  if (report.until <= report.changes_since) found.push({ key: 'noSnapshot' })
  return found
}

export const main = (group: Group): Figure => group.kpis[MAIN]!

/** What is missing, and of what: the causes that count, the greatest first. */
export const missing = (causes: readonly Spent[]): Spent[] =>
  causes.filter((one) => one.counted).sort((a, b) => b.seconds - a.seconds)

/** Tells the parts of a report apart: one cause may have taken missing time and time that does not count. */
export const keyOf = (one: Spent): string => `${one.id} ${one.counted ? 'missing' : one.online ? 'online' : 'left_out'}`

/** What counts as online and is not as it should be, the most first. */
export const impaired = (causes: readonly Spent[]): Spent[] =>
  causes.filter((one) => one.online).sort((a, b) => b.seconds - a.seconds)

/** The parts of a bar that is as wide as `whole` allows: where each begins and how wide it is. */
export function barOf(causes: readonly Spent[], whole: number): { id: string; x: number; width: number }[] {
  let x = 0
  return causes
    .filter((one) => one.counted)
    .map((one) => {
      const part = { id: one.id, x, width: whole > 0 ? (100 * one.share) / whole : 0 }
      x += part.width
      return part
    })
}

/** The greatest share that any group misses: the whole width of the bars. */
export const widest = (groups: readonly Group[]): number =>
  Math.max(0, ...groups.map((group) => 1 - (main(group).share ?? 1)))

/** Columns for the plot: instants, then a line each, in percent; null where nothing counted.

    It begins with the first day on which anything did. */
export function linesOf(all: readonly Day[], groups: readonly string[]): [number[], ...(number | null)[][]] {
  const days = all.slice(Math.max(0, all.findIndex((day) => day.share !== null)))
  const percent = (share: number | null | undefined): number | null => (share == null ? null : share * 100)
  return [
    days.map((day) => day.start),
    days.map((day) => percent(day.share)),
    ...groups.map((name) => days.map((day) => percent(day.groups[name]))),
  ]
}

/** What is missing of a share, so that both as they are shown make a hundred. */
export function rest(share: number): string {
  const shown = Math.floor(share * 10_000 + 1e-9)
  return `${((10_000 - shown) / 100).toFixed(2)} %`
}

/** A share cut off at two decimals: what is not whole is never shown as 100. */
export function cut(share: number): string {
  const shown = Math.floor(share * 10_000 + 1e-9) / 100
  return shown === 0 && share > 0 ? '< 0.01 %' : `${shown.toFixed(2)} %`
}
