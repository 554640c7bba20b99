import { beforeEach, describe, expect, it } from 'vitest'

import { restoreTheme, setTheme, theme } from '../src/theme'

const classes = (): string[] => [...document.documentElement.classList]

beforeEach(() => localStorage.clear())

describe('theme', () => {
  it('is dark unless light was chosen here', () => {
    restoreTheme()
    expect(theme.value).toBe('dark')
    expect(classes()).toEqual(['dark'])
    setTheme('light')
    expect(classes()).toEqual(['light'])
    restoreTheme()
    expect(theme.value).toBe('light')
  })

  it('takes nonsense for dark', () => {
    localStorage.setItem('vidgate.theme', 'pink')
    restoreTheme()
    expect(classes()).toEqual(['dark'])
  })
})
