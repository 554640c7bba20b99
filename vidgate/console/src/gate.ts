interface Waiting {
  rank: number
  enter: () => void
}

/**
 * Lets so many through at once, lowest rank first.
 *
 * A browser opens six HTTP/1.1 connections to one host. An offer to a dead camera holds one until
 * the camera's deadline, so six of them would hold up every other tile and the whole API.
 */
export class Gate {
  private inside = 0
  private readonly queue: Waiting[] = []

  constructor(private readonly limit: number) {}

  async pass<T>(rank: number, task: () => Promise<T>): Promise<T> {
    if (this.inside >= this.limit) {
      await new Promise<void>((enter) => this.enqueue({ rank, enter }))
    } else {
      this.inside += 1
    }
    try {
      return await task()
    } finally {
      this.leave()
    }
  }

  private enqueue(waiting: Waiting): void {
    const place = this.queue.findIndex((other) => other.rank > waiting.rank)
    this.queue.splice(place < 0 ? this.queue.length : place, 0, waiting)
  }

  private leave(): void {
    const next = this.queue.shift()
    if (next) next.enter() // the place passes on: `inside` stays as it is
    else this.inside -= 1
  }
}
