/** A platform's settings as a form of texts, and what of it was changed. */

import type { Platform, Values } from './api'

export const RESOLVERS = ['static', 'template', 'http'] as const
export type Resolver = (typeof RESOLVERS)[number]

/** What each way of finding addresses is told. */
export const OPTIONS: Record<Resolver, readonly string[]> = {
  static: [],
  template: ['main', 'sub'],
  http: ['endpoint', 'method', 'auth', 'credential', 'path', 'body', 'fingerprint'],
}
export const CHOICES: Record<string, readonly string[]> = {
  method: ['GET', 'POST'],
  auth: ['none', 'basic', 'bearer'],
}
/** Names that stand for a channel's own in templates and questions. */
export const PLACEHOLDERS = ['id', 'gb_code', 'channel_no', 'address', 'port', 'variant', 'stream']

const NUMBERS = ['quota', 'slots', 'describe_parallel'] as const

export interface PlatformForm {
  name: string
  quota: string
  slots: string
  describe_parallel: string
  describe_proves: boolean
  resolver: Resolver
  options: Record<string, string>
}

const resolverOf = (text: string): Resolver => RESOLVERS.find((one) => one === text) ?? 'static'

/** Zero is "no limit" and "no quota": empty says that better. */
const figure = (value: number): string => (value > 0 ? String(value) : '')

export function formOf(platform: Platform | null): PlatformForm {
  return {
    name: platform?.name ?? '',
    quota: figure(platform?.quota ?? 0),
    slots: figure(platform?.slots ?? 0),
    describe_parallel: platform ? String(platform.describe_parallel) : '',
    describe_proves: platform?.describe_proves ?? false,
    resolver: resolverOf(platform?.resolver ?? ''),
    options: { ...platform?.options },
  }
}

/** The fields that differ; `options` holds those that differ, null for those that are cleared. */
export function changesIn(before: PlatformForm, after: PlatformForm): Values {
  const changed: Values = {}
  if (after.name.trim() !== before.name) changed['name'] = after.name.trim()
  for (const name of NUMBERS) {
    const text = after[name].trim()
    // What is no figure goes as it is: the service says what is wrong with it.
    if (text !== before[name]) changed[name] = text === '' ? null : /^\d+$/.test(text) ? Number(text) : text
  }
  if (after.describe_proves !== before.describe_proves) changed['describe_proves'] = after.describe_proves
  if (after.resolver !== before.resolver) changed['resolver'] = after.resolver
  const options = changedOptions(before.options, after)
  if (Object.keys(options).length > 0) changed['options'] = options
  return changed
}

function changedOptions(before: Record<string, string>, { resolver, options }: PlatformForm): Values {
  const changed: Values = {}
  for (const name of OPTIONS[resolver]) {
    const [was, is] = [before[name] ?? '', (options[name] ?? '').trim()]
    if (was !== is) changed[name] = is === '' ? null : is
  }
  return changed
}
