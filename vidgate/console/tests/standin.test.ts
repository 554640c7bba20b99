import { beforeEach, describe, expect, it } from 'vitest'

import type { Stream } from '../src/api'
import type { ServiceEvent } from '../src/events'
import { RETURN_TOLD, StandIns } from '../src/standin'

const stream = (fields: Partial<Stream> = {}): Stream => ({
  name: 'a',
  variant: 'main',
  state: 'live',
  reason: '',
  lossy: false,
  source: 'a',
  source_reason: '',
  source_since: null,
  ...fields,
})

const switched = (time: number, source: string, before: string, reason = 'timeout'): ServiceEvent => ({
  seq: time,
  time,
  type: 'stream.source',
  object: 'a',
  data: { variant: 'main', source, before, reason },
})

const STANDING = stream({ source: 'b', source_reason: 'no_media', source_since: 50 })

let known: StandIns

beforeEach(() => (known = new StandIns()))

describe('StandIns', () => {
  it('tell of a switch while it lasts, and of the return for a moment', () => {
    expect(known.of('a', 'main', 100)).toBeNull()
    known.switched(switched(100, 'b', 'a'))
    expect(known.of('a', 'main', 900)).toEqual({ source: 'b', reason: 'timeout', since: 100, until: null })
    expect(known.of('a', 'sub', 900)).toBeNull()
    known.switched(switched(1_000, 'a', 'b', 'back'))
    expect(known.of('a', 'main', 1_001)).toMatchObject({ source: 'b', since: 100, until: 1_000 })
    expect(known.of('a', 'main', 1_001 + RETURN_TOLD)).toBeNull()
  })

  it('know of a switch that began before anybody looked', () => {
    known.asking()
    known.answered([STANDING])
    expect(known.of('a', 'main', 60)).toEqual({ source: 'b', reason: 'no_media', since: 50, until: null })
    known.switched(switched(70, 'c', 'b'))
    expect(known.of('a', 'main', 71)).toMatchObject({ source: 'c', since: 70 })
  })

  it('believe an event that came while they asked', () => {
    known.switched(switched(40, 'b', 'a'))
    known.asking()
    known.switched(switched(60, 'a', 'b', 'back'))
    known.answered([STANDING])
    expect(known.of('a', 'main', 61)?.until).toBe(60)
  })

  it('forget what the service does not show any more', () => {
    known.switched(switched(40, 'b', 'a'))
    known.asking()
    known.answered([stream()])
    expect(known.of('a', 'main', 41)).toBeNull()
    known.switched(switched(42, 'b', 'a'))
    known.ended('a', 'main')
    expect(known.of('a', 'main', 43)).toBeNull()
  })

  it('tell of a return whose switch they never heard of', () => {
    known.switched(switched(40, 'a', 'b', 'back'))
    expect(known.of('a', 'main', 41)).toMatchObject({ source: 'b', since: 40, until: 40 })
  })
})
