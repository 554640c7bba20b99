import { describe, expect, it } from 'vitest'

import { filtersOf, markOf, noFilters, ordered, queryOf, withNews, type Alarm } from '../src/alarm'

function alarm(id: number, more: Partial<Alarm> = {}): Alarm {
  return {
    id,
    cause: 'single',
    subject: `c${id}`,
    severity: 'minor',
    attention: 'open',
    opened: id,
    ended: null,
    channels: 1,
    failing: 1,
    returns: 0,
    merged: null,
    acknowledged_by: '',
    acknowledged: null,
    closed_by: '',
    ...more,
  }
}
const ids = (list: Alarm[]): number[] => list.map(({ id }) => id)

describe('queryOf', () => {
  it('says what is asked for, and the time of the past only', () => {
    const filters = { ...noFilters(), cause: 'host', area: '城关镇', since: '7d' }
    expect(queryOf('all', filters)).toEqual({ cause: 'host', area: '城关镇', since: '7d' })
    expect(queryOf('unclosed', filters)).toEqual({ cause: 'host', area: '城关镇' })
    expect(filtersOf(queryOf('all', filters))).toEqual(filters)
  })

  it('reads no nonsense out of an address', () => {
    expect(filtersOf({ cause: 'green', since: 'ever', platform: 'p', other: 'x' })).toEqual({ ...noFilters(), platform: 'p' })
  })
})

describe('ordered', () => {
  it('puts first what needs somebody most', () => {
    const list = [
      alarm(1),
      alarm(2, { severity: 'critical', attention: 'acknowledged' }),
      alarm(3, { severity: 'major' }),
      alarm(4),
      alarm(5, { severity: 'critical' }),
    ]
    expect(ids(ordered(list, 'unclosed'))).toEqual([5, 3, 4, 1, 2])
    expect(ids(ordered(list, 'all'))).toEqual([5, 4, 3, 2, 1])
  })
})

describe('markOf', () => {
  it('marks as well only who recovered', () => {
    const member = { channel: 'c1', since: 1, until: null, departure: null, state: 'down', reason: 'timeout' } as const
    expect(markOf(member)).toBe('down')
    const marks = (['recovered', 'maintenance', 'withdrawn', 'moved', 'left_over', null] as const).map((departure) => markOf({ ...member, until: 2, departure }))
    expect(marks).toEqual(['up', 'maintenance', 'disabled', 'unknown', 'unknown', 'unknown'])
  })
})

describe('withNews', () => {
  it('replaces, adds, and drops what no longer belongs there', () => {
    const list = [alarm(1), alarm(2)]
    expect(withNews(list, alarm(2, { failing: 7 }), 'unclosed').find(({ id }) => id === 2)?.failing).toBe(7)
    expect(ids(withNews(list, alarm(3), 'unclosed'))).toEqual([3, 1, 2])
    expect(ids(withNews(list, alarm(2, { attention: 'closed' }), 'unclosed'))).toEqual([1])
    expect(ids(withNews(list, alarm(2, { attention: 'closed' }), 'all'))).toEqual([2, 1])
    expect(ids(withNews(list, alarm(2), 'closed'))).toEqual([1])
  })
})
