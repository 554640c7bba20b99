/** Which channels the table shows, and in which order; pure. */

import type { Channel } from './api'
import { DIFFERENCES, differencesOf } from './declared'
import { search, type Entry } from './search'

export const COLUMNS = [
  'name',
  'id',
  'state',
  'reason',
  'platform',
  'department',
  'area',
  'kind',
  'lifecycle',
  'enabled',
  'tags',
] as const
export type Column = (typeof COLUMNS)[number]

export const FACETS = ['state', 'platform', 'department', 'area', 'lifecycle', 'differs'] as const
export type Facet = (typeof FACETS)[number]

export interface Sorting {
  column: Column
  down: boolean
}

export interface Filters {
  text: string
  facets: Record<Facet, string[]>
}

/** The worst first: whoever sorts by state looks for what is wrong. */
const STATES = ['down', 'unauthorized', 'busy', 'degraded', 'unknown', 'reachable', 'up', 'maintenance', 'disabled']
const LIFECYCLES = ['planned', 'commissioning', 'accepted', 'suspended', 'retired']
const ORDERS: Partial<Record<Facet, readonly string[]>> = {
  state: STATES,
  lifecycle: LIFECYCLES,
  differs: DIFFERENCES,
}
const SEPARATOR = '~' // between the values of one filter in the address

const collator = new Intl.Collator('zh-CN', { numeric: true })

export const noFilters = (): Filters => ({
  text: '',
  facets: { state: [], platform: [], department: [], area: [], lifecycle: [], differs: [] },
})

/** An empty value stands for "has none", so the list of an unset filter is left out instead. */
export function filtersOf(query: Readonly<Record<string, string>>): Filters {
  const filters = noFilters()
  filters.text = query['q'] ?? ''
  for (const name of FACETS) {
    const said = query[name]
    if (said !== undefined) filters.facets[name] = said.split(SEPARATOR).map((value) => (value === '-' ? '' : value))
  }
  return filters
}

export function sortingOf(query: Readonly<Record<string, string>>): Sorting | null {
  const said = query['sort'] ?? ''
  const column = said.replace(/^-/, '') as Column
  return COLUMNS.includes(column) ? { column, down: said.startsWith('-') } : null
}

export function queryOf({ text, facets }: Filters, sorting: Sorting | null): Record<string, string> {
  const query: Record<string, string> = {}
  if (text.trim()) query['q'] = text.trim()
  for (const name of FACETS) {
    if (facets[name].length > 0) query[name] = facets[name].map((value) => value || '-').join(SEPARATOR)
  }
  if (sorting) query['sort'] = `${sorting.down ? '-' : ''}${sorting.column}`
  return query
}

export function isSameQuery(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)])
  return [...names].every((name) => one[name] === other[name])
}

/** What the export of the same channels is asked with; null where the API cannot say it. */
export function exportQueryOf({ text, facets }: Filters): Record<string, string> | null {
  const query: Record<string, string> = {}
  if (text.trim()) query['q'] = text.trim()
  for (const name of FACETS) {
    const [value, ...others] = facets[name]
    if (others.length > 0) return null
    if (value !== undefined) query[name] = value
  }
  return query
}

export const isFiltered = (filters: Filters): boolean => Object.keys(queryOf(filters, null)).length > 0

/** Channels that the filters let through: in register order, or best first where text is searched. */
export function pick(entries: readonly Entry[], filters: Filters): Channel[] {
  const found = filters.text.trim()
    ? search(entries, filters.text).map(({ channel }) => channel)
    : entries.map(({ channel }) => channel)
  const wanted = FACETS.filter((name) => filters.facets[name].length > 0).map(
    (name) => [name, new Set(filters.facets[name])] as const,
  )
  if (wanted.length === 0) return found
  return found.filter((channel) =>
    wanted.every(([name, values]) => valuesOf(channel, name).some((value) => values.has(value))),
  )
}

/** What a channel is found by in a facet: one value, but any number of differences. */
const valuesOf = (channel: Channel, facet: Facet): readonly string[] =>
  facet === 'differs' ? differencesOf(channel) : [channel[facet]]

type Labels = (column: Column, channel: Channel) => string

/** Sorted by what the column shows; those that show nothing come last, whichever way. */
export function sorted(channels: readonly Channel[], sorting: Sorting | null, label: Labels): Channel[] {
  if (!sorting) return [...channels]
  const keyed = channels.map((channel) => ({ channel, key: keyOf(sorting.column, channel, label) }))
  const ranks = rank(keyed.map(({ key }) => key), sorting)
  return keyed
    .map(({ channel, key }) => ({ channel, rank: ranks.get(key) ?? 0 }))
    .sort((a, b) => a.rank - b.rank || a.channel.number - b.channel.number)
    .map(({ channel }) => channel)
}

function keyOf(column: Column, channel: Channel, label: Labels): string {
  if (column === 'state') return String(STATES.indexOf(channel.state))
  if (column === 'lifecycle') return String(LIFECYCLES.indexOf(channel.lifecycle))
  if (column === 'enabled') return channel.enabled ? '1' : '0'
  return label(column, channel)
}

/** The order of the values, each compared once: comparing Chinese names is slow. */
function rank(keys: readonly string[], { down }: Sorting): Map<string, number> {
  const distinct = [...new Set(keys)].filter((key) => key !== '').sort(collator.compare)
  if (down) distinct.reverse()
  return new Map([...distinct, ''].map((key, place) => [key, place]))
}

export interface Choice {
  value: string
  count: number
}

/** The values of a field and how many channels have each, as people look for them. */
export function choices(channels: readonly Channel[], facet: Facet, nameOf: (value: string) => string): Choice[] {
  const counts = new Map<string, number>()
  for (const channel of channels) {
    for (const value of valuesOf(channel, facet)) counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  const order = ORDERS[facet]
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => {
      if (order) return order.indexOf(a.value) - order.indexOf(b.value)
      if (!a.value || !b.value) return a.value ? -1 : 1
      return collator.compare(nameOf(a.value), nameOf(b.value))
    })
}

/** The selection with everything between two rows added, as Shift and a click ask for. */
export function withRange(
  selected: ReadonlySet<string>,
  channels: readonly Channel[],
  from: number,
  to: number,
): Set<string> {
  const rows = channels.slice(Math.min(from, to), Math.max(from, to) + 1)
  return new Set([...selected, ...rows.map(({ id }) => id)])
}

export function toggled(selected: ReadonlySet<string>, id: string): Set<string> {
  const next = new Set(selected)
  if (!next.delete(id)) next.add(id)
  return next
}
