/**
 * The two video elements of a tile: one in front, one in which the next stream gets ready.
 *
 * So the last picture stays (dimmed by the tile) while a connection is made again, and a change
 * from sub to main stream is seen as a picture getting sharper, not as a black pause.
 */

import { FROZEN, type Picture } from './verdict'

const SAMPLE = 240 // milliseconds between two looks at whether the picture changes
const GAP = 600 // milliseconds without a picture that end an unbroken run
const REVIVED = 1_500 // a frozen picture lives again when it changes twice within this
const SAMPLE_WIDTH = 128
const SAMPLE_HEIGHT = 72

export class Screen {
  front = 0
  private preparing: number | null = null
  private onFirst: (() => void) | null = null
  /** Raised to end an element's frame callbacks. */
  private readonly turns: [number, number] = [0, 0]
  private at: number | null = null
  private changedAt: number | null = null
  private since: number | null = null
  private interval = 0
  private sampledAt = 0
  private differedAt = -Infinity
  private fingerprint = 0
  private readonly canvas = document.createElement('canvas')
  private readonly context: CanvasRenderingContext2D | null

  constructor(
    private readonly videos: readonly [HTMLVideoElement, HTMLVideoElement],
    private readonly onFront: (front: number) => void,
  ) {
    this.canvas.width = SAMPLE_WIDTH
    this.canvas.height = SAMPLE_HEIGHT
    this.context = this.canvas.getContext('2d', { willReadFrequently: true, alpha: false })
    // Averaging instead of picking pixels: a clock's digit must not fall between the samples.
    if (this.context) this.context.imageSmoothingQuality = 'medium'
  }

  get picture(): Picture {
    return { at: this.at, changedAt: this.changedAt, since: this.since, interval: this.interval }
  }

  get video(): HTMLVideoElement {
    return this.videos[this.front as 0 | 1]
  }

  /** Get a stream ready behind the present picture; `first` is called when it shows. */
  show(stream: MediaStream, first: () => void): void {
    this.abandonPreparing()
    const next = this.video.srcObject === null ? this.front : 1 - this.front
    const video = this.videos[next as 0 | 1]
    this.preparing = next
    this.onFirst = first
    video.srcObject = stream
    void video.play().catch(() => {}) // muted video may always play; a removed element may not
    this.follow(video, next as 0 | 1)
  }

  /** Forget a stream that did not come to show anything. */
  abandonPreparing(): void {
    if (this.preparing === null) return
    const place = this.preparing as 0 | 1
    this.turns[place] += 1
    if (place !== this.front || this.at === null) this.videos[place].srcObject = null
    this.preparing = null
    this.onFirst = null
  }

  /** Evidence from statistics that pictures are decoded while the page is hidden. */
  decoded(now: number): void {
    this.at = now
    this.changedAt = now
  }

  /** The page was hidden: what was not seen then is no evidence of a fault. */
  excuse(now: number): void {
    if (this.at !== null) this.at = now
    this.resume(now)
  }

  /** Pictures come again after a pause, which is not the same as standing still. */
  resume(now: number): void {
    if (this.changedAt !== null) this.changedAt = now
  }

  /** Look whether the picture still changes; cheap enough to be called at every tick. */
  sample(now: number): void {
    const { context, video } = this
    if (!context || now - this.sampledAt < SAMPLE || video.readyState < 2) return
    this.sampledAt = now
    context.drawImage(video, 0, 0, SAMPLE_WIDTH, SAMPLE_HEIGHT)
    const print = fingerprint(context.getImageData(0, 0, SAMPLE_WIDTH, SAMPLE_HEIGHT).data)
    if (print !== this.fingerprint) this.differed(now)
    this.changedAt ??= now
    this.fingerprint = print
  }

  /** A frozen encoder sends a key frame now and then, which differs a little and proves nothing. */
  private differed(now: number): void {
    const isFrozen = this.changedAt !== null && now - this.changedAt > FROZEN
    if (!isFrozen || now - this.differedAt < REVIVED) this.changedAt = now
    this.differedAt = now
  }

  /** Nothing to show any more. */
  clear(): void {
    this.turns[0] += 1
    this.turns[1] += 1
    this.preparing = null
    this.onFirst = null
    for (const video of this.videos) video.srcObject = null
    this.at = null
    this.changedAt = null
    this.interval = 0
  }

  private follow(video: HTMLVideoElement, place: 0 | 1): void {
    const turn = ++this.turns[place]
    const step = (now: number): void => {
      if (turn !== this.turns[place]) return
      if (this.preparing === place) this.bringForward(place)
      if (this.front === place) this.presented(now)
      video.requestVideoFrameCallback(step)
    }
    video.requestVideoFrameCallback(step)
  }

  private bringForward(place: 0 | 1): void {
    const first = this.onFirst
    const behind = (1 - place) as 0 | 1
    this.preparing = null
    this.onFirst = null
    this.interval = 0
    this.changedAt = null
    this.at = null
    this.front = place
    this.turns[behind] += 1
    this.onFront(place)
    first?.()
    this.videos[behind].srcObject = null
  }

  private presented(now: number): void {
    if (this.at !== null) {
      const passed = Math.min(now - this.at, 2_000)
      this.interval = this.interval === 0 ? passed : this.interval * 0.9 + passed * 0.1
    }
    const isGap = this.at === null || now - this.at > Math.max(GAP, this.interval * 4)
    if (isGap) this.since = now
    this.at = now
  }
}

/** FNV-1a over every pixel's green, which carries most of the brightness. */
function fingerprint(pixels: Uint8ClampedArray): number {
  let hash = 0x811c9dc5
  for (let place = 1; place < pixels.length; place += 4) {
    hash = Math.imul(hash ^ (pixels[place] as number), 0x01000193)
  }
  return hash
}
