/** Delays between attempts, in milliseconds: exponential, capped, jittered in the upper half. */
export class Backoff {
  attempt = 0

  constructor(
    private readonly first = 500,
    private readonly cap = 8_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds to wait before the coming attempt. */
  next(): number {
    const ceiling = Math.min(this.cap, this.first * 2 ** Math.min(this.attempt, 16))
    this.attempt += 1
    // The upper half only: an operator who reads "2 s" should not see it jump to nothing.
    return ceiling / 2 + (this.random() * ceiling) / 2
  }

  reset(): void {
    this.attempt = 0
  }
}
