/** Editing one channel: which fields there are and what was changed; pure. */

import type { ChannelDetail, Values } from './api'

export const CHOICES: Readonly<Record<string, readonly string[]>> = {
  kind: ['rtsp', 'onvif', 'push'],
  lifecycle: ['planned', 'commissioning', 'accepted', 'suspended', 'retired'],
  enabled: ['true', 'false'],
  point_class: ['1', '2', '3', '9'],
  transport: ['auto', 'tcp', 'udp'],
  declared_status: ['', 'online', 'offline'],
  declared_codec: ['', 'h264', 'h265', 'mpeg4', 'mjpeg', 'svac'],
}

export const SECTIONS = [
  ['basic', ['name', 'gb_code', 'tags', 'lifecycle', 'enabled']],
  ['belongs', ['department', 'area', 'platform', 'industry', 'point', 'point_class']],
  ['access', ['kind', 'url', 'sub_url', 'vendor', 'address', 'port', 'channel_no', 'transport', 'credential']],
  ['place', ['longitude', 'latitude']],
  ['declared', ['declared_status', 'declared_codec', 'declared_resolution', 'declared_fps']],
] as const

export const FIELDS: readonly string[] = SECTIONS.flatMap(([, fields]) => [...fields])

export type Form = Record<string, string>

/** A channel as a form holds it: text only. */
export function formOf(channel: ChannelDetail): Form {
  const values = channel as unknown as Values
  return Object.fromEntries(
    FIELDS.map((field) => {
      const value = values[field]
      return [field, Array.isArray(value) ? value.join(' ') : value == null ? '' : String(value)]
    }),
  )
}

/** The fields that somebody else has changed meanwhile. */
export const changedBetween = (before: Form, fresh: Form): string[] =>
  FIELDS.filter((field) => before[field] !== fresh[field])

/** The form on top of what the channel is by now: what was typed stays, the rest is fresh. */
export function rebased(before: Form, form: Form, fresh: Form): Form {
  return Object.fromEntries(
    FIELDS.map((field) => [field, (form[field] === before[field] ? fresh[field] : form[field]) ?? '']),
  )
}

/** The fields to send: those that differ, and a login where one was typed. */
export function changesIn(before: Form, after: Form, login: { username: string; password: string }): Values {
  const fields: Values = {}
  for (const field of FIELDS) {
    const now = (after[field] ?? '').trim()
    if (now !== before[field]) fields[field] = field === 'enabled' ? now === 'true' : now
  }
  if (login.username.trim()) {
    fields['username'] = login.username.trim()
    fields['password'] = login.password
  }
  return fields
}
