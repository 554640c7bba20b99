/** Whose pictures a stream shows: another camera of the same point stands in, and gives way again. */

import type { Stream } from './api'
import type { ServiceEvent } from './events'

export interface StandIn {
  /** The channel that stands in, or that did until a moment ago. */
  source: string
  /** Why, as a key of the catalogue's `reason`. */
  reason: string
  /** Wall-clock seconds since when. */
  since: number
  /** Wall-clock seconds of the return; null while it lasts. */
  until: number | null
}

/** The return is told for so many seconds, long enough to be seen from another screen. */
export const RETURN_TOLD = 20

const keyOf = (name: string, variant: unknown): string => `${name}\u001f${String(variant)}`

/**
 * What the service said of its streams' sources, by event or when it was asked.
 *
 * An answer to a question is older than an event that came meanwhile; `asking` marks the question.
 */
export class StandIns {
  private readonly known = new Map<string, StandIn>()
  private heard = new Set<string>()

  asking(): void {
    this.heard = new Set()
  }

  /** The list of all streams: those that are not in it show nothing at all. */
  answered(streams: readonly Stream[]): void {
    for (const key of [...this.known.keys()]) {
      if (!this.heard.has(key) && this.known.get(key)?.until === null) this.known.delete(key)
    }
    for (const { name, variant, source, source_reason: reason, source_since: since } of streams) {
      const key = keyOf(name, variant)
      if (this.heard.has(key) || source === name) continue
      this.known.set(key, { source, reason, since: since ?? 0, until: null })
    }
  }

  /** `stream.source`: from now on the stream shows another channel's pictures, or its own again. */
  switched({ object, time, data }: ServiceEvent): void {
    const key = keyOf(object, data['variant'])
    this.heard.add(key)
    const source = String(data['source'])
    const before = this.known.get(key)
    if (source !== object) {
      this.known.set(key, { source, reason: String(data['reason'] ?? ''), since: time, until: null })
    } else if (before) {
      this.known.set(key, { ...before, until: time })
    } else {
      const reason = String(data['reason'] ?? '')
      this.known.set(key, { source: String(data['before']), reason, since: time, until: time })
    }
  }

  /** Nobody watches any more: the next one begins with the stream's own camera. */
  ended(name: string, variant: unknown): void {
    const key = keyOf(name, variant)
    this.heard.add(key)
    this.known.delete(key)
  }

  clear(): void {
    this.known.clear()
  }

  /** What is to be told of a stream at a wall-clock instant, in seconds. */
  of(name: string, variant: string, now: number): StandIn | null {
    const found = this.known.get(keyOf(name, variant))
    if (!found) return null
    return found.until !== null && now - found.until > RETURN_TOLD ? null : found
  }
}
