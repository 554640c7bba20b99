/** Which page is shown: the part of the address after `#`, so that every view can be linked to. */

import { readonly, shallowRef } from 'vue'

export type PageName =
  | 'live'
  | 'alarms'
  | 'channels'
  | 'channel'
  | 'import'
  | 'change'
  | 'platforms'
  | 'credentials'
  | 'approvals'
  | 'report'

export interface Place {
  page: PageName
  /** Of the alarm, the channel, the change, the platform or the credential; empty where there is none. */
  id: string
  query: Record<string, string>
}

/** What one must be allowed to do to see a page; the live page says itself what is missing. */
export const NEEDS: Record<PageName, string> = {
  live: '',
  alarms: 'alarm.read',
  channels: 'channel.read',
  channel: 'channel.read',
  import: 'channel.write',
  change: 'channel.write',
  platforms: 'channel.read',
  credentials: 'credential.read',
  approvals: 'channel.write',
  report: 'report.read',
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text // somebody's half an escape
  }
}

/** The place that a `#/...` names; anything unknown is the live page. */
export function parsePlace(hash: string): Place {
  const [path = '', search = ''] = hash.replace(/^#?\/?/, '').split('?', 2)
  const [first = '', second = ''] = path.split('/').map(decoded)
  const query = Object.fromEntries(new URLSearchParams(search))
  if (first === 'channels') return { page: second ? 'channel' : 'channels', id: second, query }
  if (first === 'changes' && /^\d{1,15}$/.test(second)) return { page: 'change', id: second, query }
  if (first === 'alarms') return { page: first, id: /^\d{1,15}$/.test(second) ? second : '', query }
  if (first === 'platforms' || first === 'credentials') return { page: first, id: second, query }
  if (first === 'approvals' || first === 'report') return { page: first, id: '', query }
  if (first === 'import') return { page: 'import', id: '', query }
  return { page: 'live', id: '', query }
}

export function formatPlace({ page, id = '', query = {} }: Partial<Place> & { page: PageName }): string {
  const paths: Record<PageName, string> = {
    live: 'live',
    alarms: id ? `alarms/${id}` : 'alarms',
    channels: 'channels',
    channel: `channels/${encodeURIComponent(id)}`,
    import: 'import',
    change: `changes/${id}`,
    platforms: id ? `platforms/${encodeURIComponent(id)}` : 'platforms',
    credentials: id ? `credentials/${encodeURIComponent(id)}` : 'credentials',
    approvals: 'approvals',
    report: 'report',
  }
  const said = Object.entries(query).filter(([, value]) => value !== '')
  const search = new URLSearchParams(said).toString()
  return `#/${paths[page]}${search && `?${search}`}`
}

export const channelLink = (id: string): string => formatPlace({ page: 'channel', id })
export const platformLink = (id: string): string => formatPlace({ page: 'platforms', id })
export const credentialLink = (id: string): string => formatPlace({ page: 'credentials', id })
export const changeLink = (number: number): string => formatPlace({ page: 'change', id: String(number) })

const current = shallowRef(parsePlace(location.hash))
window.addEventListener('hashchange', () => (current.value = parsePlace(location.hash)))

export const place = readonly(current)

export function go(to: Partial<Place> & { page: PageName }): void {
  location.hash = formatPlace(to)
}

/** Say in the address what a page shows now, without a step in the browser's history. */
export function describe(query: Record<string, string>): void {
  const { page, id } = current.value
  history.replaceState(history.state, '', formatPlace({ page, id, query }))
  current.value = { page, id, query }
}
