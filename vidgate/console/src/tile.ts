/** The life of one tile's player inside its component. */

import { onBeforeUnmount, onMounted, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

import { ApiError, onSignedOut } from './api'
import type { ServiceEvent } from './events'
import { Gate } from './gate'
import { Player, WITHDRAWN, type PlayerView } from './player'
import { Screen } from './screen'
import type { StandIn } from './standin'
import { StillHolder, type Still } from './still'
import { useDesk } from './stores/desk'
import { useFleet } from './stores/fleet'
import { useGrid, type Cell } from './stores/grid'
import { usePlayback } from './stores/playback'
import { useSession } from './stores/session'
import { WhepConnection, type Wanted } from './whep'

const offers = new Gate(4) // of the six connections that a browser opens to one host

const EMPTY: PlayerView = {
  verdict: { state: 'idle', reason: '', attempt: 0, retryAt: null },
  variant: null,
  lastPicture: null,
  figures: null,
  hasSound: false,
}

const FORBIDDEN: PlayerView = {
  ...EMPTY,
  verdict: { state: 'unauthorized', reason: 'not_permitted', attempt: 0, retryAt: null },
}

/** Whether two views look the same; the figures are compared by identity, once a second. */
function isSame(a: PlayerView, b: PlayerView): boolean {
  return (
    a.verdict.state === b.verdict.state &&
    a.verdict.reason === b.verdict.reason &&
    a.verdict.attempt === b.verdict.attempt &&
    a.verdict.retryAt === b.verdict.retryAt &&
    a.variant === b.variant &&
    a.lastPicture === b.lastPicture &&
    a.figures === b.figures &&
    a.hasSound === b.hasSound
  )
}

/** As `WhepConnection.open`; an ended session ends it for the whole page. */
async function open(...given: Parameters<typeof WhepConnection.open>): Promise<WhepConnection> {
  try {
    return await WhepConnection.open(...given)
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) onSignedOut.notify()
    throw error
  }
}

export interface Tile {
  view: ShallowRef<PlayerView>
  front: ShallowRef<number>
  /** Set while another camera of the point is shown, and a moment after. */
  standIn: ShallowRef<StandIn | null>
  /** Pictures are lost on the way to the service, and what is shown may have faults. */
  isLossy: ShallowRef<boolean>
  /** The last picture that the service has, until a live one comes. */
  still: ShallowRef<Still | null>
  video: () => HTMLVideoElement | null
  retry: () => void
  abandon: () => void
  switchTo: (wanted: Wanted) => void
}

export function useTile(
  cell: () => Cell,
  videos: readonly [Ref<HTMLVideoElement | undefined>, Ref<HTMLVideoElement | undefined>],
): Tile {
  const session = useSession()
  const fleet = useFleet()
  const grid = useGrid()
  const desk = useDesk()
  const playback = usePlayback()
  const view = shallowRef<PlayerView>(EMPTY)
  const front = shallowRef(0)
  const standIn = shallowRef<StandIn | null>(null)
  const isLossy = shallowRef(false)
  const still = shallowRef<Still | null>(null)
  const holder = new StillHolder((next) => (still.value = next))
  let stillOf: string | null = null // the channel whose still was asked for or shown to its end
  const speaker = new Audio()
  let screen: Screen | null = null
  let player: Player | null = null
  let hasGrown = false

  const mayWatch = session.may('stream.watch')
  const hasSub = (): boolean => fleet.find(cell().channel ?? '')?.has_sub ?? false

  function look(): void {
    if (!player) return
    const now = performance.now()
    player.tick(now)
    const next = cell().channel !== null && !mayWatch ? FORBIDDEN : player.view(now)
    if (!isSame(view.value, next)) view.value = next
    if (next.verdict.state === 'playing' || next.lastPicture !== null) holder.drop()
    const { channel } = cell()
    const { variant } = next
    standIn.value = channel !== null && variant ? fleet.standInOf(channel, variant) : null
    isLossy.value = channel !== null && variant !== null && fleet.newsOf(channel, variant)?.isLossy === true
  }

  function follow(): void {
    const { channel } = cell()
    askStill(mayWatch ? channel : null)
    if (channel === null || !mayWatch) player?.stop()
    else if (fleet.isLoaded || fleet.failure) player?.watch(channel, grid.wantedFor(cell(), hasSub()))
    look()
  }

  /** What streams live shows sooner than its still, which would be older. */
  function askStill(channel: string | null): void {
    if (channel === stillOf) return
    stillOf = channel
    holder.drop()
    const isLive = ['main', 'sub'].some((variant) => fleet.newsOf(channel ?? '', variant)?.state === 'live')
    if (channel !== null && !isLive) void holder.ask(channel)
  }

  function hear(event: ServiceEvent | null): void {
    if (event === null) return player?.encourage(true)
    if (event.type === 'credential.changed') return player?.encourage(true)
    if (event.type === 'register.changed') return player?.restored()
    if (event.object !== cell().channel) return
    const state = event.data['state']
    if (event.type === 'channel.changed') player?.encourage(true)
    else if (event.type === 'channel.state') {
      if (state === 'up' || state === 'reachable') player?.encourage(true)
    } else if (event.type === 'stream.state') {
      if (state === 'live') player?.encourage(false)
      else if (state === 'idle') player?.forgiven()
      else if (state === 'blocked') withdraw(event.data)
    }
    look()
  }

  function withdraw(data: ServiceEvent['data']): void {
    const reason = String(data['reason'] ?? '')
    if (WITHDRAWN.has(reason)) player?.withdrawn(reason, data['variant'] === 'sub' ? 'sub' : 'main')
  }

  /** A bigger picture deserves the main stream; one that was made small again does not need it. */
  function suitSize(): void {
    if (cell().wanted !== 'auto' || view.value.verdict.state !== 'playing') return
    const { variant } = view.value
    const wanted = grid.wantedFor(cell(), hasSub())
    if (variant === 'sub' && wanted === 'auto') {
      hasGrown = true
      void player?.switchTo('auto')
    } else if (wanted === 'sub' && hasGrown) {
      hasGrown = false
      if (variant === 'main') void player?.switchTo('sub')
      else player?.stay()
    }
  }

  function sound(stream: MediaStream | null): void {
    speaker.srcObject = stream
    listen()
  }

  function listen(): void {
    if (desk.audible === cell().uid && speaker.srcObject) void speaker.play().catch(() => {})
    else speaker.pause()
  }

  onMounted(() => {
    const [a, b] = [videos[0].value, videos[1].value]
    if (!a || !b) return
    screen = new Screen([a, b], (next) => {
      front.value = next
      queueMicrotask(look) // the picture shows now, not at the next tick
    })
    player = new Player(
      screen,
      {
        open,
        gate: offers,
        meter: playback.meter(),
        now: () => performance.now(),
        news: fleet.newsOf,
        channel: (name) => fleet.find(name)?.state ?? null,
        isServiceLost: () => fleet.status.state === 'lost',
        isHidden: () => document.hidden,
      },
      sound,
    )
    follow()
  })
  const deafen = fleet.listen(hear)
  watch(() => [cell().channel, fleet.isLoaded, fleet.failure], follow)
  watch(() => desk.now, look)
  watch(() => desk.audible, listen)
  watch(() => [grid.maximised === cell().uid, grid.layout], suitSize)
  onBeforeUnmount(() => {
    deafen()
    holder.drop()
    player?.stop()
    speaker.srcObject = null
  })

  return {
    view,
    front,
    standIn,
    isLossy,
    still,
    video: () => screen?.video ?? null,
    retry: () => player?.retryNow(),
    abandon: () => player?.abandon(),
    switchTo: (wanted) => void player?.switchTo(wanted),
  }
}
