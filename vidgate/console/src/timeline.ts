/** What happened to a channel, as its page tells it. */

export interface Moment {
  time: number
  what: 'state' | 'source'
  before: string
  after: string
  reason: string
  variant: string
}

export interface Told extends Moment {
  /** Of a return: who stood in, and for how many seconds; null where that is no longer known. */
  stood: { source: string; seconds: number } | null
}

/** Moments (newest first) with each return joined to the switch that it ended. */
export function told(moments: readonly Moment[], id: string): Told[] {
  return moments.map((moment, index) => ({ ...moment, stood: stoodBefore(moments, index, id) }))
}

function stoodBefore(moments: readonly Moment[], index: number, id: string): Told['stood'] {
  const end = moments[index]
  if (!end || end.what !== 'source' || end.after !== id) return null
  const earlier = moments.slice(index + 1).filter(({ what, variant }) => what === 'source' && variant === end.variant)
  const begin = earlier.findIndex(({ after }) => after === id)
  const standIns = begin < 0 ? earlier : earlier.slice(0, begin)
  const [latest, first] = [standIns[0], standIns.at(-1)]
  return latest && first ? { source: latest.after, seconds: end.time - first.time } : null
}
