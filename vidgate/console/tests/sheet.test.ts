import { describe, expect, it } from 'vitest'

import type { ImportReport } from '../src/api'
import { refusalOf, tallyOf } from '../src/sheet'

const report: ImportReport = {
  change: null,
  created: 2,
  updated: 0,
  unchanged: 5,
  removed: 0,
  rejected: 0,
  errors: [],
  warnings: [],
  more: [],
}

describe('refusalOf', () => {
  it('refuses before anything is sent what the service would refuse', () => {
    expect(refusalOf({ name: '通道.XLSX', size: 1 })).toBe('')
    expect(refusalOf({ name: 'old.xls', size: 10 * 1024 * 1024 })).toBe('')
    expect(refusalOf({ name: '通道.pdf', size: 1 })).toBe('wrongForm')
    expect(refusalOf({ name: 'a.csv', size: 10 * 1024 * 1024 + 1 })).toBe('tooLarge')
  })
})

describe('tallyOf', () => {
  it('always tells what people ask for, and the rest where it occurs', () => {
    expect(tallyOf(report).map(({ name }) => name)).toEqual(['created', 'updated', 'unchanged', 'rejected'])
    const note = { sheet: '', row: 2, column: 'name', value: '', message: '' }
    const rare = tallyOf({ ...report, removed: 3, warnings: [note] })
    expect(rare.find(({ name }) => name === 'removed')?.count).toBe(3)
    expect(rare.at(-1)).toEqual({ name: 'warnings', count: 1 })
    expect(tallyOf(null)).toEqual([])
  })

  it('counts the warnings that are not listed', () => {
    const more = [{ column: 'point', message: 'm', count: 19_950 }]
    expect(tallyOf({ ...report, warnings: [], more }).at(-1)).toEqual({ name: 'warnings', count: 19_950 })
  })
})
