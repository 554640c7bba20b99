import { describe, expect, it } from 'vitest'

import { told, type Moment } from '../src/timeline'

const source = (time: number, after: string, variant = 'main'): Moment => ({
  time,
  what: 'source',
  before: '',
  after,
  reason: '',
  variant,
})

describe('told', () => {
  it('says of a return who stood in, and how long', () => {
    const down: Moment = { time: 15, what: 'state', before: 'up', after: 'down', reason: 'timeout', variant: '' }
    const [back, state, switched] = told([source(40, 'a'), down, source(10, 'b')], 'a')
    expect(back?.stood).toEqual({ source: 'b', seconds: 30 })
    expect(state?.stood).toBeNull()
    expect(switched?.stood).toBeNull()
  })

  it('counts from the first of several that stood in one after the other', () => {
    const [back] = told([source(40, 'a'), source(30, 'c'), source(10, 'b'), source(5, 'a')], 'a')
    expect(back?.stood).toEqual({ source: 'c', seconds: 30 })
  })

  it('keeps the streams apart, and guesses nothing', () => {
    const [back] = told([source(40, 'a'), source(10, 'b', 'sub')], 'a')
    expect(back?.stood).toBeNull()
  })
})
