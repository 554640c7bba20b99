import { describe, expect, it } from 'vitest'

import { prepare } from '../src/search'
import {
  choices,
  exportQueryOf,
  filtersOf,
  isFiltered,
  isSameQuery,
  noFilters,
  pick,
  queryOf,
  sorted,
  sortingOf,
  toggled,
  withRange,
  type Column,
} from '../src/table'
import type { Channel } from '../src/api'
import { channel } from './helpers'

const rows = [
  channel({ id: 'a', number: 1, name: '河堤10', state: 'up', area: '城关镇', tags: ['防汛'] }),
  channel({ id: 'b', number: 2, name: '河堤9', state: 'down', area: '', platform: 'p2', pinyin: 'hd9' }),
  channel({ id: 'c', number: 3, name: '学校', state: 'unknown', area: '柳林乡', lifecycle: 'planned', pinyin: 'xx' }),
]
const entries = prepare(rows)
const label = (column: Column, one: Channel): string => String(one[column])
const ids = (channels: readonly Channel[]): string => channels.map(({ id }) => id).join('')

describe('pick', () => {
  it('shows every channel in register order where nothing is asked', () => {
    expect(ids(pick(entries, noFilters()))).toBe('abc')
  })

  it('takes any value of one filter and asks for all filters', () => {
    const filters = noFilters()
    filters.facets.state = ['up', 'down']
    expect(ids(pick(entries, filters))).toBe('ab')
    filters.facets.platform = ['p2']
    expect(ids(pick(entries, filters))).toBe('b')
  })

  it('finds those that have no value, and by pinyin', () => {
    const filters = noFilters()
    filters.facets.area = ['']
    expect(ids(pick(entries, filters))).toBe('b')
    expect(ids(pick(entries, { ...noFilters(), text: 'xx' }))).toBe('c')
  })
})

describe('the facet of differences', () => {
  const one = channel({ id: 'x', declared_status: 'online', state: 'down', differs: ['online_down', 'codec'] })
  const both = [one, channel({ id: 'y' })]

  it('finds a channel by any of them, and offers only those that there are', () => {
    for (const value of ['online_down', 'codec']) {
      const filters = filtersOf({ differs: value })
      expect(ids(pick(prepare(both), filters))).toBe('x')
      expect(exportQueryOf(filters)).toEqual({ differs: value })
    }
    expect(ids(pick(prepare(both), filtersOf({ differs: 'fps' })))).toBe('')
    expect(choices(both, 'differs', String)).toEqual([
      { value: 'online_down', count: 1 },
      { value: 'codec', count: 1 },
    ])
  })
})

describe('sorted', () => {
  it('compares numbers inside names as numbers', () => {
    expect(ids(sorted(rows, { column: 'name', down: false }, label))).toMatch(/ba/)
  })

  it('puts the worst state first and the emptiest cell last, whichever way', () => {
    expect(ids(sorted(rows, { column: 'state', down: false }, label))).toBe('bca')
    expect(ids(sorted(rows, { column: 'area', down: false }, label))).toMatch(/b$/)
    expect(ids(sorted(rows, { column: 'area', down: true }, label))).toMatch(/b$/)
  })

  it('keeps the register order among equals, and leaves its argument alone', () => {
    expect(ids(sorted(rows, { column: 'kind', down: true }, label))).toBe('abc')
    expect(ids(rows)).toBe('abc')
    expect(ids(sorted(rows, null, label))).toBe('abc')
  })
})

describe('the address', () => {
  it('says the filters and the order, and is read back', () => {
    const filters = { ...noFilters(), text: 'cgz ' }
    filters.facets.state = ['down', 'unauthorized']
    filters.facets.area = ['', '城关镇']
    const sorting = { column: 'since' as Column, down: true }
    const query = queryOf(filters, { ...sorting, column: 'state' })
    expect(query).toEqual({ q: 'cgz', state: 'down~unauthorized', area: '-~城关镇', sort: '-state' })
    expect(filtersOf(query)).toEqual({ ...filters, text: 'cgz' })
    expect(sortingOf(query)).toEqual({ column: 'state', down: true })
  })

  it('is the same whatever the order of its parts', () => {
    expect(isSameQuery({ a: '1', b: '2' }, { b: '2', a: '1' })).toBe(true)
    expect(isSameQuery({ a: '1' }, { a: '1', b: '2' })).toBe(false)
  })

  it('may hold anything', () => {
    expect(sortingOf({ sort: 'nonsense' })).toBeNull()
    expect(isFiltered(filtersOf({}))).toBe(false)
    expect(isFiltered(filtersOf({ platform: 'p1' }))).toBe(true)
  })
})

describe('exportQueryOf', () => {
  it('asks for what the API can say, and for nothing else', () => {
    const filters = { ...noFilters(), text: 'cgz' }
    filters.facets.area = ['']
    expect(exportQueryOf(filters)).toEqual({ q: 'cgz', area: '' })
    filters.facets.state = ['up', 'down']
    expect(exportQueryOf(filters)).toBeNull()
  })
})

describe('choices', () => {
  it('counts every value; states from worst to best, nothing last', () => {
    expect(choices(rows, 'state', String)).toEqual([
      { value: 'down', count: 1 },
      { value: 'unknown', count: 1 },
      { value: 'up', count: 1 },
    ])
    expect(choices(rows, 'area', String).at(-1)).toEqual({ value: '', count: 1 })
  })
})

describe('the selection', () => {
  it('toggles one and adds ranges, either way round', () => {
    const one = toggled(new Set<string>(), 'a')
    expect([...one]).toEqual(['a'])
    expect([...toggled(one, 'a')]).toEqual([])
    expect([...withRange(one, rows, 2, 1)].sort()).toEqual(['a', 'b', 'c'])
  })
})
