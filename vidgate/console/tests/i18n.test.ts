import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { firstLocale, setLocale } from '../src/i18n'

beforeEach(() => localStorage.clear())
afterEach(() => vi.unstubAllGlobals())

const speak = (language: string): unknown => vi.stubGlobal('navigator', { language })

describe('first language', () => {
  it.each([
    ['zh-CN', 'zh-CN'],
    ['zh-TW', 'zh-CN'],
    ['de-DE', 'zh-CN'],
    ['', 'zh-CN'],
    ['en', 'en'],
    ['en-US', 'en'],
  ])('of a browser that speaks %s is %s', (language, first) => {
    speak(language)
    expect(firstLocale()).toBe(first)
  })

  it('is the one that was chosen here, once one was', () => {
    speak('en-US')
    setLocale('zh-CN')
    expect(firstLocale()).toBe('zh-CN')
    localStorage.setItem('vidgate.locale', 'klingon')
    expect(firstLocale()).toBe('en')
  })
})
