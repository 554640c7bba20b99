/** A channel's days at a glance: what each was made of, worst first. Pure. */

/** A local day of the service; `states`: seconds of each state, `own` while vidgate was down. */
export interface Day {
  date: string
  start: number
  end: number
  /** Online of counted time; null where none counted. */
  share: number | null
  percent: string | null
  online: number
  counted: number
  states: Record<string, number>
}

/** The part of a timeline that is shown; `until` is null while the day goes on. */
export interface Narrowed {
  date: string
  since: number
  until: number | null
}

export interface Made {
  state: string
  seconds: number
}

/** From the worst to the best; a state that is not here would come first, as nobody knows it. */
const ORDER = ['down', 'unauthorized', 'unknown', 'own', 'reachable', 'degraded', 'busy', 'maintenance', 'disabled', 'up']
const LEAST = 9 // percent of a cell that anything but up takes, however short: it must be seen

export function madeOf({ states }: Day): Made[] {
  return Object.entries(states)
    .map(([state, seconds]) => ({ state, seconds }))
    .filter(({ seconds }) => seconds > 0)
    .sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
}

/** The cell from its top down, in percent of its height: what was worst lies highest. */
export function bandsOf(day: Day): { state: string; y: number; height: number }[] {
  const made = madeOf(day)
  const total = made.reduce((sum, { seconds }) => sum + seconds, 0)
  const heights = made.map(({ state, seconds }) => Math.max((100 * seconds) / total, state === 'up' ? 0 : LEAST))
  const surplus = heights.reduce((sum, height) => sum + height, 0) - 100
  // What stands higher than it must gives up what the short ones were lent.
  const spare = heights.reduce((sum, height, index) => sum + over(height, made[index]!.state), 0)
  let y = 0
  return made.map(({ state }, index) => {
    const wished = heights[index]!
    const height = wished - (surplus * over(wished, state)) / spare
    const band = { state, y, height }
    y += height
    return band
  })
}

const over = (height: number, state: string): number => (state === 'up' ? height : height - LEAST)

/** All days together; null where nothing counted. */
export function shareOf(days: readonly Day[]): number | null {
  const sum = (name: 'online' | 'counted'): number => days.reduce((total, day) => total + day[name], 0)
  const counted = sum('counted')
  return counted > 0 ? sum('online') / counted : null
}

export const narrowedTo = (days: readonly Day[], index: number): Narrowed => {
  const { date, start, end } = days[index]!
  return { date, since: start, until: index === days.length - 1 ? null : end }
}
