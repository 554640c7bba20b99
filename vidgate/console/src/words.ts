/** Values of the register as people say them. */

import { useI18n } from 'vue-i18n'

import { ApiError, type Change } from './api'
import { clock, day } from './format'
import { useFleet } from './stores/fleet'

/** What a field is where a change says nothing of it: its default. */
const DEFAULTS: Record<string, unknown> = {
  enabled: true,
  lifecycle: 'accepted',
  kind: 'rtsp',
  point_class: '9',
  transport: 'auto',
}

/** Date and time of wall-clock seconds; today without the date. */
export function moment(seconds: number, now = new Date()): string {
  const date = new Date(seconds * 1_000)
  return day(date) === day(now) ? clock(date) : `${day(date)} ${clock(date)}`
}

export interface Words {
  field: (name: string) => string
  value: (name: string, value: unknown) => string
  change: (change: Pick<Change, 'action' | 'source'>) => string
  problem: (error: unknown) => string
  /** What a failed call came to, of its code alone. */
  failure: (code: string) => string
  /** Why, of a reason code. */
  reason: (code: string) => string
  /** A length of time in seconds. */
  span: (seconds: number) => string
}

export function useWords(): Words {
  const { t, te } = useI18n()
  const fleet = useFleet()

  const known = (key: string, otherwise: string): string => (te(key) ? t(key) : otherwise)

  function value(name: string, given: unknown): string {
    const said = given ?? DEFAULTS[name] ?? ''
    if (typeof said === 'boolean') return t(said ? 'value.yes' : 'value.no')
    if (Array.isArray(said)) return said.length > 0 ? said.join('、') : t('value.none')
    if (typeof said === 'object') return JSON.stringify(said)
    const text = String(said)
    if (text === '') return t('value.none')
    if (name === 'platform') return fleet.platformName(text)
    if (name === 'declared_resolution' && text.endsWith('MP')) return t('value.megapixels', { n: parseFloat(text) })
    return known(`value.${name}.${text}`, text)
  }

  function problem(error: unknown): string {
    if (!(error instanceof ApiError)) return t('error.other', { detail: String(error) })
    if (error.code === 'network' || error.code === 'not_permitted') return t(`error.${error.code}`)
    return t('error.other', { detail: error.told })
  }

  return {
    field: (name) => known(`field.${name}`, name),
    value,
    change: ({ action, source }) => {
      const key = `change.${action}`
      return te(key) ? t(key, { source }) : t('change.other', { action, source })
    },
    problem,
    failure: (code) => known(`error.${code}`, known(`reason.${code}`, code)),
    reason: (code) => (code ? known(`reason.${code}`, code) : t('reason.unknown')),
    span: (seconds) => {
      const whole = Math.max(1, Math.round(seconds))
      if (whole < 120) return t('span.seconds', { n: whole })
      return whole < 7_200
        ? t('span.minutes', { n: Math.round(whole / 60) })
        : t('span.hours', { n: Math.round(whole / 3_600) })
    },
  }
}
