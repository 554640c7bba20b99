/** The last picture that the service has of a channel: shown, with its age, until live ones come. */

export interface Still {
  channel: string
  /** Address of the picture in this page; good until it is released. */
  url: string
  /** Wall-clock milliseconds, by this machine's clock, at which the camera's picture came. */
  at: number
}

export interface StillDeps {
  fetch: (path: string, init: RequestInit) => Promise<Response>
  now: () => number
  makeUrl: (blob: Blob) => string
  dropUrl: (url: string) => void
}

const browser: StillDeps = {
  fetch: (path, init) => fetch(path, init),
  now: () => Date.now(),
  makeUrl: (blob) => URL.createObjectURL(blob),
  dropUrl: (url) => URL.revokeObjectURL(url),
}

const MAX_WAIT = 5_000 // milliseconds; by then a live picture or an error has come

/**
 * Holds one tile's still. The picture's age is taken from the answer's `Age`, not from a date: the
 * clocks of a hall's desks are set by hand.
 */
export class StillHolder {
  private current: Still | null = null
  private asked = new AbortController()

  constructor(
    private readonly told: (still: Still | null) => void,
    private readonly deps: StillDeps = browser,
  ) {}

  /** Ask for a channel's last picture; the one of another channel goes at once. */
  async ask(channel: string): Promise<void> {
    this.drop()
    const asked = (this.asked = new AbortController())
    const timer = setTimeout(() => asked.abort(), MAX_WAIT)
    try {
      const path = `/api/v1/channels/${encodeURIComponent(channel)}/snapshot`
      const response = await this.deps.fetch(path, { credentials: 'same-origin', signal: asked.signal })
      const age = Number(response.headers.get('Age') ?? Number.NaN)
      if (!response.ok || !Number.isFinite(age)) return // none was ever seen, or not for us: words are enough
      const blob = await response.blob()
      if (asked.signal.aborted) return
      this.current = { channel, url: this.deps.makeUrl(blob), at: this.deps.now() - age * 1_000 }
      this.told(this.current)
    } catch {
      // Aborted, or the service is away: the tile says so by itself.
    } finally {
      clearTimeout(timer)
    }
  }

  /** The picture is not needed any more. */
  drop(): void {
    this.asked.abort()
    if (this.current === null) return
    this.deps.dropUrl(this.current.url)
    this.current = null
    this.told(null)
  }
}
