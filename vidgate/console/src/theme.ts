/** Dark for a dim hall, light for an office; remembered by the browser. */

import { readonly, ref } from 'vue'

import { recall, remember } from './memory'

export type Theme = 'dark' | 'light'

const KEY = 'vidgate.theme'
const current = ref<Theme>('dark')

export const theme = readonly(current)

export function setTheme(next: Theme): void {
  current.value = next
  const { classList } = document.documentElement
  classList.toggle('light', next === 'light')
  classList.toggle('dark', next === 'dark')
  remember(KEY, next)
}

/** Take up what was chosen here before. */
export const restoreTheme = (): void => setTheme(recall(KEY) === 'light' ? 'light' : 'dark')
