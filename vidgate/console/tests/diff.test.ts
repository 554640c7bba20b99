import { describe, expect, it } from 'vitest'

import type { ChangeRow } from '../src/api'
import { differences, summarise, wordsOf } from '../src/diff'

const row = (before: object, after: object): ChangeRow => ({
  kind: 'channel',
  id: 'c1',
  action: 'updated',
  before: before as ChangeRow['before'],
  after: after as ChangeRow['after'],
})

describe('differences', () => {
  it('come in the order of the columns, without what the register keeps for itself', () => {
    const found = differences({ area: 'a', revision: 1 }, { name: 'n', area: 'b', revision: 2, pinyin: 'x' })
    expect(found).toEqual([
      { field: 'name', before: null, after: 'n' },
      { field: 'area', before: 'a', after: 'b' },
    ])
  })

  it('tell what was there of a thing that is gone', () => {
    expect(differences({ name: 'n' }, null)).toEqual([{ field: 'name', before: 'n', after: null }])
  })
})

describe('summarise', () => {
  it('counts equal steps, the commonest of a field first', () => {
    const rows = [
      row({ area: 'a', tags: ['x'] }, { area: 'c', tags: ['x', 'y'] }),
      row({ area: 'b' }, { area: 'c' }),
      row({ area: 'b' }, { area: 'c' }),
    ]
    expect(summarise(rows).map(({ field, before, count }) => [field, before, count])).toEqual([
      ['area', 'b', 2],
      ['area', 'a', 1],
      ['tags', ['x'], 1],
    ])
  })
})

describe('wordsOf', () => {
  it('parts tags as the register does', () => {
    expect(wordsOf(' 防汛，重点;a 、防汛 ')).toEqual(['防汛', '重点', 'a'])
    expect(wordsOf('  ')).toEqual([])
  })
})
