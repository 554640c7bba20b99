/** What changed, told shortly; pure. */

import type { ChangeRow, Values } from './api'

export interface Difference {
  field: string
  before: unknown
  after: unknown
}

// Made by the register itself, and no news to people.
const OWN = new Set(['number', 'revision', 'pinyin', 'id', 'name_key'])

const ORDER = [
  'name', 'gb_code', 'kind', 'url', 'sub_url', 'vendor', 'address', 'port', 'channel_no', 'credential',
  'username', 'password', 'platform', 'department', 'area', 'point', 'point_class', 'industry', 'longitude',
  'latitude', 'lifecycle', 'tags', 'enabled', 'transport', 'declared_status', 'declared_codec',
  'declared_resolution', 'declared_fps',
]

const place = (field: string): number => {
  const at = ORDER.indexOf(field)
  return at < 0 ? ORDER.length : at
}

/** The fields that differ, in the order of the register's columns. */
export function differences(before: Values | null, after: Values | null): Difference[] {
  const names = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])
  return [...names]
    .filter((field) => !OWN.has(field))
    .map((field) => ({ field, before: before?.[field] ?? null, after: after?.[field] ?? null }))
    .sort((a, b) => place(a.field) - place(b.field))
}

export interface Group extends Difference {
  count: number
}

/** Many rows as "this became that, so many times", field by field, the commonest first. */
export function summarise(rows: readonly ChangeRow[]): Group[] {
  const groups = new Map<string, Group>()
  for (const row of rows) {
    for (const { field, before, after } of differences(row.before, row.after)) {
      const key = JSON.stringify([field, before, after])
      const group = groups.get(key)
      if (group) group.count += 1
      else groups.set(key, { field, before, after, count: 1 })
    }
  }
  return [...groups.values()].sort((a, b) => place(a.field) - place(b.field) || b.count - a.count)
}

/** Tags as typed: apart by blanks or any comma, each once. */
export const wordsOf = (text: string): string[] => [...new Set(text.split(/[,;，；、\s]+/).filter(Boolean))]
