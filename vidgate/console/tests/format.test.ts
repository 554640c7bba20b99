import { afterEach, expect, test, vi } from 'vitest'

import { instant, share } from '../src/format'

test('a rate is never rounded up to all', () => {
  expect(share(2742, 2743)).toBe('99.9 %')
  expect(share(2743, 2743)).toBe('100.0 %')
  expect(share(0, 2743)).toBe('0.0 %')
  expect(share(0, 0)).toBe('—')
})

afterEach(() => vi.unstubAllEnvs())

test('what is typed is meant in the zone of who types it', () => {
  vi.stubEnv('TZ', 'Asia/Shanghai')
  expect(instant('2026-04-01T08:00')).toBe('2026-04-01T00:00:00.000Z')
  vi.stubEnv('TZ', 'America/New_York')
  expect(instant('2026-04-01T08:00')).toBe('2026-04-01T12:00:00.000Z')
  expect(instant('')).toBe('')
})
