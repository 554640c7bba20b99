import { describe, expect, it } from 'vitest'

import type { LevelResult } from '../src/api'
import { isOutdated } from '../src/level'

const told = (level: LevelResult['level'], outcome: LevelResult['outcome'], at: number | null): LevelResult => ({
  level,
  outcome,
  reason: 'ok',
  at,
  since: at,
  took: null,
})

describe('a result of a level', () => {
  const [reach, describe_, media, picture] = [
    told('reach', 'failed', 200),
    told('describe', 'passed', 100),
    told('media', 'failed', 250),
    told('picture', 'not_tested', null),
  ]
  const levels = [reach, describe_, media, picture]

  it('is outdated by a later failure on the way to it', () => {
    expect(levels.map((one) => isOutdated(one, levels))).toEqual([false, true, false, false])
  })
})
