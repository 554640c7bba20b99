import { describe, expect, it } from 'vitest'

import { markOf, prepare, search } from '../src/search'
import { channel } from './helpers'

const bank = channel({ id: '430001', name: '重庆路银行', number: 1, pinyin: 'cqlyh zqlyh chongqingluyinhang' })
const gate = channel({ id: '430002', name: '城关镇大门', number: 2, pinyin: 'cgzdm chengguanzhendamen' })
const hall = channel({ id: '430003', name: '大厅', number: 3, pinyin: 'dt dating' })
const entries = prepare([bank, gate, hall])

const found = (query: string): string[] => search(entries, query).map(({ channel: { id } }) => id)

describe('search', () => {
  it('finds by initials, full spelling, every reading of a character, name and id', () => {
    expect(found('cgz')).toEqual(['430002'])
    expect(found('chengguan')).toEqual(['430002'])
    expect(found('zql')).toEqual(['430001'])
    expect(found('cql')).toEqual(['430001'])
    expect(found('银行')).toEqual(['430001'])
    expect(found('430003')).toEqual(['430003'])
  })

  it('ignores case and full width, and wants every term', () => {
    expect(found('ＣＧＺ')).toEqual(['430002'])
    expect(found('cgz dm')).toEqual(['430002'])
    expect(found('cgz 银行')).toEqual([])
  })

  it('puts what begins with the query first, then the order of the register', () => {
    expect(found('大')).toEqual(['430003', '430002'])
    expect(found('43000')).toEqual(['430001', '430002', '430003'])
  })

  it('finds nothing for nothing', () => {
    expect(found('  ')).toEqual([])
    expect(found('xyz')).toEqual([])
  })
})

describe('markOf', () => {
  it('marks the characters that the initials stand for', () => {
    expect(markOf(gate, 'zd')).toEqual([2, 4])
    expect(markOf(gate, '关镇')).toEqual([1, 3])
    expect(markOf(bank, 'zq')).toEqual([0, 2])
  })

  it('marks nothing when the id or the full spelling matched', () => {
    expect(markOf(gate, '430002')).toBeNull()
    expect(markOf(gate, 'guanzhen')).toBeNull()
  })
})
