import { describe, expect, it } from 'vitest'

import { barOf, cut, impaired, keyOf, limitsOf, linesOf, missing, rest, uptimePath, widest, type Day, type Group, type Spent } from '../src/report'

const spent = (id: string, share: number, counted = true, online = false): Spent => ({
  id,
  counted,
  online,
  seconds: share * 1000,
  share,
  reasons: {},
})
const group = (share: number | null, causes: Spent[] = []): Group => ({
  name: 'x',
  channels: 1,
  kpis: { online_time: { share, percent: null, online: 0, counted: 0 } },
  causes,
})

describe('the report', () => {
  it('asks for what is chosen', () => {
    expect(uptimePath({ by: 'area', since: '7d' })).toBe('/api/v1/reports/uptime?by=area&since=7d&format=json')
    expect(uptimePath({ by: 'class', since: '1d', format: 'html' })).toContain('format=html')
  })

  it('tells the greatest cause first and leaves out what does not count', () => {
    const causes = [spent('maintenance', 0.5, false), spent('own', 0.01), spent('device', 0.2)]
    expect(missing(causes).map((one) => one.id)).toEqual(['device', 'own'])
  })

  it('tells apart what counts as online all the same', () => {
    const causes = [spent('picture', 0.1, false, true), spent('busy', 0.4, false, true), spent('maintenance', 0.5, false), spent('device', 0.2)]
    expect(impaired(causes).map((one) => one.id)).toEqual(['busy', 'picture'])
    expect(missing(causes).map((one) => one.id)).toEqual(['device'])
  })

  it('tells a cause that is missing from the same one left out or online', () => {
    const causes = [spent('rest', 0.1), spent('rest', 0.3, false), spent('rest', 0.2, false, true)]
    expect(causes.map(keyOf)).toEqual(['rest missing', 'rest left_out', 'rest online'])
  })

  it('puts the parts of a bar side by side', () => {
    const causes = [spent('maintenance', 0.5, false), spent('own', 0.1), spent('device', 0.3)]
    expect(barOf(causes, 0.4)).toEqual([
      { id: 'own', x: 0, width: 25 },
      { id: 'device', x: 25, width: 75 },
    ])
    expect(barOf(causes, 0)[0]!.width).toBe(0)
  })

  it('measures bars by the group that misses most', () => {
    expect(widest([group(0.9), group(0.6), group(null)])).toBeCloseTo(0.4)
    expect(widest([])).toBe(0)
  })

  it('draws no line where nothing counted, nor days before the first that did', () => {
    const day = (share: number | null, groups: Record<string, number>): Day => ({
      start: 5,
      end: 6,
      date: '2026-04-01',
      is_known: true,
      share,
      percent: null,
      online: 0,
      counted: 0,
      groups,
    })
    expect(linesOf([day(null, {}), day(0.5, { a: 0.25 }), day(null, {})], ['a'])).toEqual([
      [5, 5],
      [50, null],
      [25, null],
    ])
  })

  it('tells what is not as it was asked for, and nothing as a rule', () => {
    const day = (date: string, is_known: boolean): Day => ({
      start: 0,
      end: 1,
      date,
      is_known,
      share: null,
      percent: null,
      online: 0,
      counted: 0,
      groups: {},
    })
    const asked = { since: 100, until: 900, asked_since: 100, asked_until: 900, changes_since: 50, days: [day('2026-04-01', true)] }
    expect(limitsOf(asked)).toEqual([])
    const days = [day('2025-01-01', false), day('2025-01-02', true), day('2025-01-03', false)]
    expect(limitsOf({ ...asked, asked_since: 120, asked_until: 880, changes_since: 900, days })).toEqual([
      { key: 'widened', kept: 900, asked: [120, 880], used: [100, 900] },
      { key: 'unknownDays', days: ['2025-01-01', '2025-01-03'] },
      { key: 'noSnapshot' },
    ])
  })

  it('never rounds up to a hundred, nor a trace down to nothing', () => {
    expect(cut(0.99999)).toBe('99.99 %')
    expect(cut(1)).toBe('100.00 %')
    expect(cut(0.00001)).toBe('< 0.01 %')
    expect(cut(0)).toBe('0.00 %')
    expect(cut(0.29)).toBe('29.00 %')
    for (const [share, left] of [[0.99999, '0.01 %'], [1, '0.00 %'], [0.29, '71.00 %'], [0.98765, '1.24 %']] as const) {
      expect(rest(share)).toBe(left)
      expect(parseFloat(cut(share)) + parseFloat(left)).toBeCloseTo(100, 6)
    }
  })
})
