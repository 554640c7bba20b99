/** The HTTP API as far as the console uses it: shapes, and errors as RFC 9457 problems. */

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
  has_sub: boolean
}

export interface Platform {
  id: string
  name: string
}

export interface Stream {
  name: string
  variant: string
  state: string
  reason: string
}

export interface User {
  name: string
  role: string
  permissions: string[]
}

export interface Session {
  user: User
  server: { version: string; demo: boolean; https: boolean }
}

/** What the service (or the way to it) answered instead of what was asked for. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly retryAfter: number | null = null,
  ) {
    super(detail || code)
    this.name = 'ApiError'
  }
}

interface ProblemDocument {
  code?: unknown
  detail?: unknown
  title?: unknown
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
  )
}

export interface CallOptions {
  method?: string
  body?: unknown
  timeout?: number
}

/** Called when the session has ended, whatever the call was. */
export const onSignedOut = { notify: (): void => {} }

/** One call; JSON in, JSON out (null for an empty answer). Throws `ApiError` only. */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const { method = 'GET', body, timeout = 15_000 } = options
  const init: RequestInit = {
    method,
    credentials: 'same-origin',
    headers: { Accept: 'application/json' },
    signal: AbortSignal.timeout(timeout),
  }
  if (body !== undefined) {
    init.body = JSON.stringify(body)
    init.headers = { ...init.headers, 'Content-Type': 'application/json' }
  }
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
  return (response.status === 204 ? null : await response.json()) as T
}

type Listing<T> = T[] | { items: T[] }

const itemsOf = <T>(listing: Listing<T>): T[] => (Array.isArray(listing) ? listing : listing.items)

export const api = {
  session: () => call<Session>('/api/v1/session'),
  signIn: (username: string, password: string) =>
    call<Session>('/api/v1/session', { method: 'POST', body: { username, password } }),
  signOut: () => call<null>('/api/v1/session', { method: 'DELETE' }),
  channels: async () => itemsOf(await call<Listing<Channel>>('/api/v1/channels')),
  streams: async () => itemsOf(await call<Listing<Stream>>('/api/v1/streams')),
  platforms: async () => itemsOf(await call<Listing<Platform>>('/api/v1/platforms')),
}
