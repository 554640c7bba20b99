import { createI18n } from 'vue-i18n'

import en from './locales/en.json'
import zh from './locales/zh-CN.json'
import { recall, remember } from './memory'

export type Locale = 'zh-CN' | 'en'

const KEY = 'vidgate.locale'

/** What was chosen here, else English in a browser that speaks it: the console is Chinese first. */
export function firstLocale(): Locale {
  const chosen = recall(KEY)
  if (chosen === 'en' || chosen === 'zh-CN') return chosen
  return /^en\b/i.test(navigator.language) ? 'en' : 'zh-CN'
}

export const i18n = createI18n({
  legacy: false,
  locale: firstLocale(),
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zh, en },
})

/** Name the page and its language in the words of the locale. */
export function entitle(): void {
  document.documentElement.lang = i18n.global.locale.value
  document.title = `${i18n.global.t('app.name')} ${i18n.global.t('app.title')}`
}

export function setLocale(locale: Locale): void {
  i18n.global.locale.value = locale
  entitle()
  remember(KEY, locale)
}
