import { describe, expect, it } from 'vitest'

import { bandsOf, madeOf, narrowedTo, shareOf, type Day } from '../src/days'

const DAY = 86_400

const day = (states: Record<string, number>, fields: Partial<Day> = {}): Day => ({
  date: '2026-04-03',
  start: 0,
  end: DAY,
  share: 1,
  percent: '100.00',
  online: DAY,
  counted: DAY,
  states,
  ...fields,
})

describe('a day', () => {
  it('tells the worst first, and nothing that took no time', () => {
    const made = madeOf(day({ up: 80_000, maintenance: 3_600, down: 60, busy: 0 }))
    expect(made.map(({ state }) => state)).toEqual(['down', 'maintenance', 'up'])
  })

  it('fills its cell, and shows a minute of outage so that it is seen', () => {
    const bands = bandsOf(day({ up: DAY - 60, down: 60 }))
    expect(bands).toEqual([
      { state: 'down', y: 0, height: 9 },
      { state: 'up', y: 9, height: 91 },
    ])
    expect(bandsOf(day({ up: DAY }))).toEqual([{ state: 'up', y: 0, height: 100 }])
    expect(bandsOf(day({}))).toEqual([])
  })

  it.each([
    { down: DAY / 2, up: DAY / 2 },
    { down: DAY - 30, unknown: 30 },
    { down: 60, unauthorized: 60, unknown: 60, own: 60, busy: 60, maintenance: DAY - 300 },
    { down: DAY - 180, unauthorized: 60, unknown: 60, up: 60 },
  ] as Record<string, number>[])('makes a whole of %o', (states) => {
    const bands = bandsOf(day(states))
    const last = bands.at(-1)!
    expect(last.y + last.height).toBeCloseTo(100)
    for (const { state, height } of bands) expect(height).toBeGreaterThanOrEqual(state === 'up' ? 0 : 9)
  })
})

describe('days', () => {
  const days = [day({}, { online: 60, counted: 100 }), day({}, { online: 40, counted: 100, start: DAY, end: DAY + 99 })]

  it('are weighted by the time that counted', () => {
    expect(shareOf(days)).toBe(0.5)
    expect(shareOf([day({}, { counted: 0, online: 0 })])).toBeNull()
  })

  it('narrow a timeline; the last one goes on', () => {
    expect(narrowedTo(days, 0)).toEqual({ date: '2026-04-03', since: 0, until: DAY })
    expect(narrowedTo(days, 1)).toMatchObject({ since: DAY, until: null })
  })
})
