/** The figures of one connection, from two looks at `getStats`. */

export interface Figures {
  codec: string
  width: number
  height: number
  fps: number
  bitrate: number
  /** Lost packets of all expected since the last look, 0 to 1. */
  loss: number
  lost: number
  jitter: number
  /** Seconds that a picture waits in the browser's buffer. */
  buffer: number
  rtt: number | null
  dropped: number
  decoded: number
  /** Since the look before; what the browser corrects downwards is not taken back. */
  passed: Passed
}

/** What was counted between two looks; `frozen` and `delay` in seconds, summed over pictures. */
export interface Passed {
  received: number
  lost: number
  decoded: number
  dropped: number
  freezes: number
  frozen: number
  delay: number
  emitted: number
}

interface Totals extends Passed {
  at: number
  bytes: number
}

interface Inbound extends RTCInboundRtpStreamStats {
  jitterBufferDelay?: number
  jitterBufferEmittedCount?: number
  freezeCount?: number
  totalFreezesDuration?: number
}

export class StatsReader {
  private last: Totals | null = null

  async read(peer: RTCPeerConnection): Promise<Figures | null> {
    const report = await peer.getStats()
    let inbound: Inbound | null = null
    let pair: RTCIceCandidatePairStats | null = null
    report.forEach((entry: RTCStats) => {
      if (entry.type === 'inbound-rtp' && (entry as Inbound).kind === 'video') inbound = entry as Inbound
      if (entry.type === 'candidate-pair' && (entry as RTCIceCandidatePairStats).nominated) {
        pair = entry as RTCIceCandidatePairStats
      }
    })
    if (!inbound) return null
    const isFirst = this.last === null
    const figures = this.compare(inbound, pair, report)
    return isFirst ? null : figures // rates need two looks
  }

  private compare(
    inbound: Inbound,
    pair: RTCIceCandidatePairStats | null,
    report: RTCStatsReport,
  ): Figures {
    const now = totalsOf(inbound)
    const then = this.last ?? now
    this.last = now
    const seconds = (now.at - then.at) / 1_000
    const passed = between(then, now)
    const { lost, emitted } = passed
    const expected = passed.received + lost
    const codec = inbound.codecId ? (report.get(inbound.codecId) as { mimeType?: string }) : undefined
    return {
      codec: codec?.mimeType?.split('/')[1] ?? '',
      width: inbound.frameWidth ?? 0,
      height: inbound.frameHeight ?? 0,
      fps: inbound.framesPerSecond ?? 0,
      bitrate: seconds > 0 ? ((now.bytes - then.bytes) * 8) / seconds : 0,
      loss: expected > 0 ? lost / expected : 0,
      lost: now.lost,
      jitter: inbound.jitter ?? 0,
      buffer: emitted > 0 ? passed.delay / emitted : 0,
      rtt: pair?.currentRoundTripTime ?? null,
      dropped: now.dropped,
      decoded: now.decoded,
      passed,
    }
  }
}

const totalsOf = (inbound: Inbound): Totals => ({
  at: inbound.timestamp,
  bytes: inbound.bytesReceived ?? 0,
  received: inbound.packetsReceived ?? 0,
  lost: inbound.packetsLost ?? 0,
  delay: inbound.jitterBufferDelay ?? 0,
  emitted: inbound.jitterBufferEmittedCount ?? 0,
  decoded: inbound.framesDecoded ?? 0,
  dropped: inbound.framesDropped ?? 0,
  freezes: inbound.freezeCount ?? 0,
  frozen: inbound.totalFreezesDuration ?? 0,
})

const between = (then: Totals, now: Totals): Passed => ({
  received: Math.max(0, now.received - then.received),
  lost: Math.max(0, now.lost - then.lost),
  decoded: Math.max(0, now.decoded - then.decoded),
  dropped: Math.max(0, now.dropped - then.dropped),
  freezes: Math.max(0, now.freezes - then.freezes),
  frozen: Math.max(0, now.frozen - then.frozen),
  delay: Math.max(0, now.delay - then.delay),
  emitted: Math.max(0, now.emitted - then.emitted),
})
