/** What the viewer of this page really saw, summed up by stream until the service is told. */

import type { Part, Seen, Variant } from './api'
import type { Passed } from './stats'
import type { TileState } from './verdict'

const MOST = 64 // waits that one report may list
const LONGEST = 600 // seconds; a wait that is longer is told as this
const BUFFER_LOOKS = 15 // looks at the statistics that make one figure of the buffer

const nothing = (): Seen => ({
  first_frames: [],
  buffers: [],
  playing: 0,
  stalls: 0,
  stalled: 0,
  freezes: 0,
  frozen: 0,
  decoded: 0,
  dropped: 0,
  received: 0,
  lost: 0,
})

/** The page's sums; however long nobody takes them, they do not grow in size. */
export class Ledger {
  private readonly sums = new Map<Variant, Seen>()

  add(variant: Variant, seen: Partial<Seen>): void {
    const sum = this.sums.get(variant) ?? nothing()
    this.sums.set(variant, sum)
    const { first_frames = [], buffers = [], ...numbers } = seen
    sum.first_frames = [...sum.first_frames, ...first_frames].slice(0, MOST)
    sum.buffers = [...sum.buffers, ...buffers].slice(0, MOST)
    for (const [name, value] of Object.entries(numbers)) sum[name as keyof typeof numbers] += value
  }

  /** All that was summed up, which begins anew. */
  take(): Part[] {
    const parts = [...this.sums].map(([variant, seen]) => ({ variant, ...seen }))
    this.sums.clear()
    return parts
  }

  /** These could not be told. */
  giveBack(parts: readonly Part[]): void {
    for (const { variant, ...seen } of parts) this.add(variant, seen)
  }

  clear(): void {
    this.sums.clear()
  }
}

/** Without a picture, but not because of what the tile says of the camera. */
const WAITING: ReadonlySet<TileState> = new Set(['connecting', 'stalled', 'reconnecting'])

/**
 * Measures one tile. Time before the picture counts as a wait for the first one, time after it as
 * live or stalled; neither goes on where the tile has a word about the camera (offline, busy ...),
 * which the channel's own metrics tell, nor while nobody can see the page.
 */
export class Meter {
  private wishedAt: number | null = null
  private countedTo: number | null = null // since when the tile's time has not been counted
  private isStalled = false
  private delay = 0
  private emitted = 0
  private looks = 0

  constructor(private readonly ledger: Ledger) {}

  /** Somebody wants to see a channel. */
  wish(now: number): void {
    this.rest()
    this.wishedAt = now
  }

  /** Nobody does, or nobody can. */
  rest(): void {
    this.wishedAt = null
    this.countedTo = null
    this.isStalled = false
  }

  /** What the tile says at `now`; `liveAt`: its last live picture (both `performance.now()`). */
  look(state: TileState, variant: Variant | null, now: number, liveAt: number | null): void {
    if (state === 'playing' && variant !== null) this.played(variant, now, liveAt ?? now)
    else if (!WAITING.has(state)) this.rest()
    else if (this.countedTo !== null && variant !== null) this.waited(variant, now)
  }

  /** What the browser's statistics counted since the last look at them. */
  passed(variant: Variant, passed: Passed): void {
    const { delay, emitted, ...counted } = passed
    this.ledger.add(variant, counted)
    this.delay += delay
    this.emitted += emitted
    this.looks += 1
    if (this.looks < BUFFER_LOOKS) return
    if (this.emitted > 0) this.ledger.add(variant, { buffers: [this.delay / this.emitted] })
    this.looks = this.delay = this.emitted = 0
  }

  private played(variant: Variant, now: number, liveAt: number): void {
    if (this.wishedAt !== null) {
      const wait = Math.min((now - this.wishedAt) / 1_000, LONGEST)
      this.ledger.add(variant, { first_frames: [wait] })
      this.wishedAt = null
    }
    const passed = Math.max(0, liveAt - (this.countedTo ?? liveAt)) / 1_000
    this.ledger.add(variant, this.isStalled ? { stalled: passed } : { playing: passed })
    this.countedTo = Math.max(this.countedTo ?? liveAt, liveAt)
    this.isStalled = false
  }

  private waited(variant: Variant, now: number): void {
    const stalled = Math.max(0, now - (this.countedTo ?? now)) / 1_000
    this.ledger.add(variant, { stalls: this.isStalled ? 0 : 1, stalled })
    this.isStalled = true
    this.countedTo = now
  }
}
