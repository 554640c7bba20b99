import { createI18n } from 'vue-i18n'

import en from './locales/en.json'
import zh from './locales/zh-CN.json'
import { recall, remember } from './memory'

export type Locale = 'zh-CN' | 'en'

const KEY = 'vidgate.locale'

export const i18n = createI18n({
  legacy: false,
  locale: recall(KEY) === 'en' ? 'en' : 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zh, en },
})

export function setLocale(locale: Locale): void {
  i18n.global.locale.value = locale
  document.documentElement.lang = locale
  document.title = `${i18n.global.t('app.name')} ${i18n.global.t('app.title')}`
  remember(KEY, locale)
}
