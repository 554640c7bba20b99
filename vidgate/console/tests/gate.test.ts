import { describe, expect, it } from 'vitest'

import { Backoff } from '../src/backoff'
import { Gate } from '../src/gate'
import { settle } from './helpers'

describe('Gate', () => {
  it('lets so many in, the lowest rank next', async () => {
    const gate = new Gate(1)
    const order: string[] = []
    let open = (): void => {}
    const first = gate.pass(0, () => new Promise<void>((done) => (open = done)))
    const late = gate.pass(3, async () => void order.push('late'))
    const early = gate.pass(1, async () => void order.push('early'))
    await settle()
    expect(order).toEqual([])
    open()
    await Promise.all([first, late, early])
    expect(order).toEqual(['early', 'late'])
  })

  it('gives the place on when a task fails', async () => {
    const gate = new Gate(1)
    await expect(gate.pass(0, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(gate.pass(0, () => Promise.resolve('yes'))).resolves.toBe('yes')
  })
})

describe('Backoff', () => {
  it('doubles up to its cap, in the upper half, and starts over', () => {
    const backoff = new Backoff(500, 4_000, () => 0)
    expect([1, 2, 3, 4, 5, 6].map(() => backoff.next())).toEqual([250, 500, 1_000, 2_000, 2_000, 2_000])
    backoff.reset()
    expect(backoff.next()).toBe(250)
    expect(new Backoff(500, 4_000, () => 0.999).next()).toBeLessThan(500)
  })
})
