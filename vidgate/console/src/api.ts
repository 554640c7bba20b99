/** The HTTP API as far as the console uses it: shapes, and errors as RFC 9457 problems. */

import type { Alarm, AlarmDetail, Show, Verb } from './alarm'
import type { Day, Narrowed } from './days'
import { documentsOf } from './ndjson'
import { uptimePath, type UptimeQuery, type UptimeReport } from './report'
import type { Moment } from './timeline'

export type ChannelState =
  | 'unknown'
  | 'up'
  | 'degraded'
  | 'busy'
  | 'down'
  | 'unauthorized'
  | 'maintenance'
  | 'disabled'
  | 'reachable'

export interface Channel {
  id: string
  name: string
  number: number
  state: ChannelState
  reason: string
  since: number
  level: string
  kind: string
  platform: string
  department: string
  area: string
  lifecycle: string
  enabled: boolean
  pinyin: string
  tags: string[]
  has_sub: boolean
  declared_status: 'online' | 'offline' | null
  differs: Difference[]
}

/** In what something measured contradicts what a platform or the register declares. */
export type Difference = 'online_down' | 'offline_up' | 'codec' | 'resolution' | 'fps'

/** Both sides of one item; `differs` null: a side is not known, or neither speaks against the other. */
export interface Compared {
  item: 'status' | 'codec' | 'resolution' | 'fps'
  declared: string | number | null
  measured: string | number | null
  differs: boolean | null
}

export type MaintenanceScope = 'channel' | 'platform' | 'department' | 'area'

/** Wall-clock seconds; `end` null: until further notice. */
export interface MaintenanceWindow {
  id: number
  scope: MaintenanceScope
  subject: string
  start: number
  end: number | null
  reason: string
  actor: string
  now: boolean
  is_excuse: boolean
}

/** The last look at a channel: `t0` wall-clock seconds, the others seconds after it. */
export interface Probe {
  asked: string
  level: string
  reason: string
  t0: number
  connected: number | null
  t1: number | null
  t2: number | null
  t3: number | null
  codec: string | null
  width: number | null
  height: number | null
  fps: number | null
  bitrate: number | null
  detail: string
}

export type Level = 'reach' | 'describe' | 'media' | 'picture'

/** The last result at one level, told at `at`; it has been so since `since`. Wall-clock seconds. */
export interface LevelResult {
  level: Level
  outcome: 'passed' | 'failed' | 'not_tested'
  reason: string
  at: number | null
  since: number | null
  took: number | null
}

/** The newest measurement of each kind; seconds, but `fps` and `bitrate` a second. */
export interface Measured {
  at: number
  clock_offset: number | null
  clock_by: '' | 'sr' | 'date' | 'extension'
  clock_at: number | null
  key_interval: number | null
  codec: string | null
  width: number | null
  height: number | null
  fps: number | null
  /** Counted while it was watched, or announced by the stream itself. */
  fps_by: '' | 'counted' | 'announced'
  fps_at: number | null
  bitrate: number | null
  bitrate_by: '' | 'counted' | 'announced'
  bitrate_at: number | null
  announced_fps: number | null
  announced_bitrate: number | null
  key_at: number | null
  /** Pictures from a key frame to the next one. */
  group_frames: number | null
  /** Share of RTP packets that never came, from 0 to 1. */
  loss: number | null
  loss_at: number | null
  jitter: number | null
  first_frame: number | null
}

export interface Health {
  state: ChannelState
  reason: string
  since: number
  level: string
  probed: number | null
  media_seen: number | null
  /** Within the last hour. */
  falls: number
  /** In the order of a look: reach, describe, media, picture. */
  levels: LevelResult[]
  measured: Measured | null
  last_frame: number | null
  last: Probe | null
}

/** How a stream was reached last; `reason` is set where that is not as usual. */
export interface Carried {
  variant: Variant
  transport: string
  reason: string
}

/** Everything about a channel but its password. */
export interface ChannelDetail extends Channel {
  revision: number
  gb_code: string
  url: string
  sub_url: string
  vendor: string
  address: string
  port: number | null
  channel_no: string
  credential: string
  point: string
  point_class: string
  industry: string
  longitude: number | null
  latitude: number | null
  transport: string
  /** What a platform or the register says, a size as `1920x1080` or `4MP`; empty: nothing. */
  declared_codec: string | null
  declared_resolution: string
  declared_fps: number | null
  health: Health
  comparison: Compared[]
  transports: Carried[]
  /** What is doubtful, for who may edit; it refuses nothing. */
  warnings: { field: string; message: string }[]
}

/** A login, without its password, and the patterns of the channels that it is for. */
export interface Credential {
  name: string
  username: string
  channels: number
  platform: string
  host: string
  vendor: string
}

export interface CredentialUser {
  id: string
  name: string
  /** The channel names the credential; else its patterns fit. */
  named: boolean
}

/** One try of a channel: by which rule, at which address, with whose login, and what came of it. */
export interface Trial {
  channel: string
  way: string
  form: string
  url: string
  credential: string
  is_named: boolean
  is_good: boolean
  probe: Probe
}

/** A channel that waits for acceptance, and by whom and when it was submitted. */
export interface Approval {
  id: string
  change: number | null
  actor: string
  time: number | null
}

/** One change of the register; its counts are of channels. */
export interface Change {
  id: number
  time: number
  actor: string
  action: string
  source: string
  created: number
  updated: number
  removed: number
  undoes: number | null
  undone_by: number | null
}

export type Values = Record<string, unknown>

/** What a change did to one thing: the fields that differ. */
export interface ChangeRow {
  kind: string
  id: string
  action: string
  before: Values | null
  after: Values | null
}

/** What one change did to one channel. */
export interface Past extends ChangeRow {
  change: number
  cause: string
  time: number
  actor: string
  source: string
  undone_by: number | null
}

export interface BulkReport {
  change: number | null
  updated: number
  unchanged: number
  revisions: Record<string, number>
  rows: ChangeRow[]
}

export interface BulkWish {
  fields: Values
  add_tags: string[]
  remove_tags: string[]
}

/** What is wrong with, or doubtful about, one cell of a sheet. */
export interface RowNote {
  sheet: string
  row: number
  column: string
  value: string
  message: string
}

/** So many more warnings of a kind than are listed. */
export interface Folded {
  column: string
  message: string
  count: number
}

export interface ImportReport {
  change: number | null
  created: number
  updated: number
  unchanged: number
  removed: number
  rejected: number
  errors: RowNote[]
  warnings: RowNote[]
  more: Folded[]
}

export interface ImportOptions {
  dryRun: boolean
  partial: boolean
  prune: boolean
}

export interface ProbeReport {
  total: number
  up: number
  states: Partial<Record<ChannelState, number>>
  seconds: number
}

/** What looking at a platform's channels asks of its sessions; seconds, `periods` by point class. */
export interface Demand {
  needed: number
  seconds: number
  wished: number
  periods: Record<string, number>
  is_stretched: boolean
  /** Sessions that people hold now. */
  held: number
  is_short: boolean
}

export interface Platform {
  id: string
  name: string
  slots: number
  describe_parallel: number
  quota: number
  describe_proves: boolean
  resolver: string
  options: Record<string, string>
  channels: number
  delivered: number
  delivery_rate: number | null
  demand: Demand | null
  lifecycles: Record<string, number>
  /** Accepted channels that there is no way to; told after a change. */
  without_address?: number | null
}

export interface Stream {
  name: string
  variant: string
  state: string
  reason: string
  /** Pictures were lost of late between camera and service. */
  lossy: boolean
  /** Whose pictures it shows, and, where another channel stands in, why and since when. */
  source: string
  source_reason: string
  source_since: number | null
}

export type Variant = 'main' | 'sub'

/** What a page saw of one kind of stream since its last report, in seconds and pieces. */
export interface Seen {
  first_frames: number[]
  buffers: number[]
  playing: number
  stalls: number
  stalled: number
  freezes: number
  frozen: number
  decoded: number
  dropped: number
  received: number
  lost: number
}

export interface Part extends Seen {
  variant: Variant
}

export interface User {
  name: string
  role: string
  permissions: string[]
}

export interface Session {
  user: User
  /** `storage`: ok, or what keeps the database from being written. */
  server: { version: string; demo: boolean; https: boolean; storage?: string }
}

/** What the service (or the way to it) answered instead of what was asked for. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfter: number | null = null,
    readonly hint = '',
  ) {
    super(detail || code)
    this.name = 'ApiError'
  }

  /** What happened, and how to mend it where that is known. */
  get told(): string {
    return this.hint ? `${this.message}（${this.hint}）` : this.message
  }
}

interface ProblemDocument {
  code?: unknown
  detail?: unknown
  title?: unknown
  hint?: unknown
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

/** Read a refused answer; a body that is no problem document still yields a usable error. */
export async function problemOf(response: Response): Promise<ApiError> {
  let problem: ProblemDocument = {}
  try {
    problem = (await response.json()) as ProblemDocument
  } catch {
    // A proxy in between answers in HTML: the status is then all there is.
  }
  const after = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return new ApiError(
    response.status,
    text(problem.code) || `http_${response.status}`,
    text(problem.detail) || text(problem.title),
    Number.isFinite(after) ? after : null,
    text(problem.hint),
  )
}

export interface CallOptions {
  method?: string
  body?: unknown
  timeout?: number
  /** The revision that the caller has seen: refused with 412 where it is another one by now. */
  revision?: number
  /** The page goes away, and the request must outlive it. */
  isLeaving?: boolean
}

/** Called when the session has ended, whatever the call was. */
export const onSignedOut = { notify: (): void => {} }

const SLOW = 180_000 // milliseconds for what reads or writes the whole register

/** Ask; what is not a good answer is thrown, always as an `ApiError`. */
async function ask(path: string, options: CallOptions): Promise<Response> {
  const { method = 'GET', body, timeout = 15_000, revision, isLeaving = false } = options
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    headers: { Accept: 'application/json' },
    keepalive: isLeaving,
    signal: AbortSignal.timeout(timeout),
  }
  if (body instanceof Blob) {
    init.body = body
    init.headers = { ...init.headers, 'Content-Type': 'application/octet-stream' }
  } else if (body !== undefined) {
    init.body = JSON.stringify(body)
    init.headers = { ...init.headers, 'Content-Type': 'application/json' }
  }
  if (revision !== undefined) init.headers = { ...init.headers, 'If-Match': `"${revision}"` }
  let response: Response
  try {
    response = await fetch(path, init)
  } catch {
    throw new ApiError(0, 'network', '')
  }
  if (!response.ok) {
    const problem = await problemOf(response)
    if (response.status === 401 && path !== '/api/v1/session') onSignedOut.notify()
    throw problem
  }
  return response
}

/** One call; JSON in, JSON out (null for an empty answer). Throws `ApiError` only. */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const response = await ask(path, options)
  return (response.status === 204 ? null : await response.json()) as T
}

type Listing<T> = T[] | { items: T[] }

const itemsOf = <T>(listing: Listing<T>): T[] => (Array.isArray(listing) ? listing : listing.items)

const platformPath = (id: string): string => `/api/v1/platforms/${encodeURIComponent(id)}`

const credentialPath = (name: string): string => `/api/v1/credentials/${encodeURIComponent(name)}`

const channelPath = (id: string): string => `/api/v1/channels/${encodeURIComponent(id)}`

export const TEMPLATE = '/api/v1/channels/template'

export const exportPath = (query: Record<string, string>): string =>
  `/api/v1/channels/export?${new URLSearchParams(query)}`

function windowOf({ since, until }: Narrowed): URLSearchParams {
  const end = until === null ? {} : { until: String(until) }
  return new URLSearchParams({ limit: '200', since: String(since), ...end })
}

export const api = {
  session: () => call<Session>('/api/v1/session'),
  signIn: (username: string, password: string) =>
    call<Session>('/api/v1/session', { method: 'POST', body: { username, password } }),
  signOut: () => call<null>('/api/v1/session', { method: 'DELETE' }),
  channels: async () => itemsOf(await call<Listing<Channel>>('/api/v1/channels')),
  streams: async () => itemsOf(await call<Listing<Stream>>('/api/v1/streams')),
  platforms: async () => itemsOf(await call<Listing<Platform>>('/api/v1/platforms')),
  /** Add a platform (`isNew`), or set fields of one. */
  setPlatform: (id: string, fields: Values, isNew: boolean) =>
    call<Platform>(platformPath(id), { method: isNew ? 'PUT' : 'PATCH', body: fields }),
  credentials: async () => itemsOf(await call<Listing<Credential>>('/api/v1/credentials')),
  setCredential: (name: string, fields: Values) =>
    call<Credential>(credentialPath(name), { method: 'PUT', body: fields }),
  credentialUsers: async (name: string) =>
    itemsOf(await call<Listing<CredentialUser>>(`${credentialPath(name)}/channels`)),
  tryCredential: async (name: string) =>
    itemsOf(await call<Listing<Trial>>(`${credentialPath(name)}/test`, { method: 'POST', body: {}, timeout: 60_000 })),
  tryChannel: (id: string, stream: Variant) =>
    call<Trial>(`${channelPath(id)}/test`, { method: 'POST', body: { stream }, timeout: 60_000 }),
  rotateKey: () => call<{ credentials: number }>('/api/v1/secret-key/rotation', { method: 'POST', timeout: SLOW }),
  alarms: async (show: Show, filters: Record<string, string> = {}) => {
    const query = new URLSearchParams({ attention: show, limit: '1000', ...filters })
    return itemsOf(await call<Listing<Alarm>>(`/api/v1/alarms?${query}`))
  },
  alarm: (id: number) => call<AlarmDetail>(`/api/v1/alarms/${id}`),
  handleAlarm: (id: number, verb: Verb, text: string) =>
    call<Alarm>(`/api/v1/alarms/${id}/${verb}`, { method: 'POST', body: { text } }),
  maintenance: async (channel = '') =>
    itemsOf(await call<Listing<MaintenanceWindow>>(`/api/v1/maintenance${channel && `?channel=${encodeURIComponent(channel)}`}`)),
  addMaintenance: (wish: { scope: MaintenanceScope; subject: string; from: string; until: string; reason: string }) =>
    call<MaintenanceWindow>('/api/v1/maintenance', { method: 'POST', body: wish }),
  endMaintenance: (id: number) => call<MaintenanceWindow | null>(`/api/v1/maintenance/${id}/end`, { method: 'POST' }),
  approvals: async () => itemsOf(await call<Listing<Approval>>('/api/v1/approvals')),
  decide: (verdict: 'approve' | 'reject', ids: readonly string[], reason: string) =>
    call<BulkReport>('/api/v1/approvals', { method: 'POST', body: { verdict, ids, reason }, timeout: SLOW }),

  channel: (id: string) => call<ChannelDetail>(channelPath(id)),
  setChannel: (id: string, fields: Values, revision: number) =>
    call<ChannelDetail>(channelPath(id), { method: 'PATCH', body: fields, revision }),
  history: async (id: string) => itemsOf(await call<Listing<Past>>(`${channelPath(id)}/history`)),
  days: async (id: string) => itemsOf(await call<Listing<Day>>(`${channelPath(id)}/days`)),
  timeline: async (id: string, narrowed: Narrowed | null) =>
    itemsOf(await call<Listing<Moment>>(`${channelPath(id)}/timeline${narrowed === null ? '' : `?${windowOf(narrowed)}`}`)),
  setMany: (ids: readonly string[], wish: BulkWish, dryRun: boolean, revisions: Record<string, number> = {}) =>
    call<BulkReport>('/api/v1/channels', {
      method: 'PATCH',
      body: { ids, ...wish, dry_run: dryRun, revisions },
      timeout: SLOW,
    }),

  importFile: (file: File, { dryRun, partial, prune }: ImportOptions) => {
    const query = new URLSearchParams({
      filename: file.name,
      dry_run: String(dryRun),
      partial: String(partial),
      prune: String(prune),
    })
    const path = `/api/v1/channels/import?${query}`
    return call<ImportReport>(path, { method: 'POST', body: file, timeout: SLOW })
  },
  /** The user's own sheet, its mistakes marked; `lost` says what of it could not be kept. */
  markFile: async (file: File) => {
    const path = `/api/v1/channels/import/errors?${new URLSearchParams({ filename: file.name })}`
    const response = await ask(path, { method: 'POST', body: file, timeout: SLOW })
    return { sheet: await response.blob(), lost: decodeURIComponent(response.headers.get('Vidgate-Lost') ?? '') }
  },
  changes: async () => itemsOf(await call<Listing<Change>>('/api/v1/changes?limit=200')),
  uptime: (query: UptimeQuery) => call<UptimeReport>(uptimePath(query), { timeout: 30_000 }),
  change: (number: number) =>
    call<Change & { rows: ChangeRow[] }>(`/api/v1/changes/${number}`, { timeout: SLOW }),
  tellPlayback: (parts: readonly Part[], isLeaving: boolean) =>
    call<null>('/api/v1/playback', { method: 'POST', body: { parts }, isLeaving }),
  undo: (number: number) =>
    call<Change>(`/api/v1/changes/${number}/undo`, { method: 'POST', timeout: SLOW }),

  /** Probe now; `told` hears how far it is. */
  probe: async (
    ids: readonly string[],
    level: 'describe' | 'media',
    told: (done: number, total: number) => void,
  ): Promise<ProbeReport> => {
    const body = { ids, level }
    const response = await ask('/api/v1/probes', { method: 'POST', body, timeout: SLOW * 5 })
    let last: unknown = null
    for await (const document of documentsOf(response)) {
      last = document
      const { done, total } = document as { done?: unknown; total?: unknown }
      if (typeof done === 'number' && typeof total === 'number') told(done, total)
    }
    return resultOf(last)
  },
}

function resultOf(document: unknown): ProbeReport {
  const { states, code, detail } = (document ?? {}) as { states?: unknown } & ProblemDocument
  if (typeof states === 'object' && states !== null) return document as ProbeReport
  throw new ApiError(0, text(code) || 'network', text(detail))
}
