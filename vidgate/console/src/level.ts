/** What the results of the four levels say together: pure. */

import type { LevelResult } from './api'

/** Whether a result is from before a failure on the way to its level: it says nothing of now. */
export function isOutdated(one: LevelResult, levels: LevelResult[]): boolean {
  const { at } = one
  if (at === null) return false
  const before = levels.slice(0, levels.findIndex((other) => other.level === one.level))
  return before.some((other) => other.outcome === 'failed' && other.at !== null && other.at > at)
}
