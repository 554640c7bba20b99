import { expect, test } from 'vitest'

import { share } from '../src/format'

test('a rate is never rounded up to all', () => {
  expect(share(2742, 2743)).toBe('99.9 %')
  expect(share(2743, 2743)).toBe('100.0 %')
  expect(share(0, 2743)).toBe('0.0 %')
  expect(share(0, 0)).toBe('—')
})
