import { defineStore } from 'pinia'

import { ApiError, api } from '../api'
import { Ledger, Meter } from '../playback'

const PERIOD = 15_000 // milliseconds between two reports

/** Tells the service what the tiles of this page saw: one small request for all of them. */
export const usePlayback = defineStore('playback', () => {
  const ledger = new Ledger()
  let timer = 0

  async function tell(isLeaving = false): Promise<void> {
    const parts = ledger.take()
    if (parts.length === 0) return
    try {
      await api.tellPlayback(parts, isLeaving)
    } catch (error) {
      const { status } = error as ApiError
      // What is refused would be refused again; what did not arrive is worth more than the rest,
      // for it tells of the time when the service was away.
      if (status === 0 || status === 429 || status >= 500) ledger.giveBack(parts)
    }
  }

  const leave = (): void => void tell(true)

  function start(): void {
    timer = window.setInterval(() => void tell(), PERIOD)
    window.addEventListener('pagehide', leave)
  }

  /** Nobody is signed in any more: what is left belongs to nobody. */
  function stop(): void {
    window.clearInterval(timer)
    window.removeEventListener('pagehide', leave)
    ledger.clear()
  }

  /** For one tile. */
  const meter = (): Meter => new Meter(ledger)

  return { meter, tell, start, stop }
})
