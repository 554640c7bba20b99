/** Figures as people read them. */

export function bitrate(bitsPerSecond: number): string {
  if (bitsPerSecond >= 999_500) return `${(bitsPerSecond / 1e6).toFixed(1)} Mb/s`
  return `${Math.round(bitsPerSecond / 1e3)} kb/s`
}

export const milliseconds = (seconds: number): string => `${Math.round(seconds * 1e3)} ms`

export function percent(ratio: number): string {
  if (ratio === 0) return '0 %'
  return ratio < 0.001 ? '<0.1 %' : `${(ratio * 100).toFixed(1)} %`
}

/** A rate in percent, rounded down: 2,742 of 2,743 are not 100 %. */
export const share = (part: number, total: number): string =>
  total > 0 ? `${(Math.floor((part / total) * 1_000) / 10).toFixed(1)} %` : '—'

const two = (value: number): string => String(value).padStart(2, '0')

/** Local time of day, 24 hours. */
export const clock = (date: Date): string =>
  `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`

export const day = (date: Date): string =>
  `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`

/** What was typed as local date and time (`2026-04-01T08:00`), for a service whose zone may be another. */
export const instant = (local: string): string => (local ? new Date(local).toISOString() : '')

/** Whole seconds left until `at`, never negative. */
export const secondsLeft = (at: number, now: number): number =>
  Math.max(0, Math.ceil((at - now) / 1_000))

/** A count with its thousands apart. */
export const count = (value: number): string => value.toLocaleString('en-US')
