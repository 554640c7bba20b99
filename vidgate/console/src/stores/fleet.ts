import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { ApiError, api, type Channel, type ChannelState, type Platform, type Stream } from '../api'
import { EventFeed, type FeedStatus, type ServiceEvent } from '../events'
import { i18n } from '../i18n'
import { prepare } from '../search'
import { StandIns, type StandIn } from '../standin'
import { Tally, buildTree, isWatchable } from '../tree'
import type { StreamNews } from '../verdict'
import { useSession } from './session'

type Listener = (event: ServiceEvent | null) => void

const RELOAD_AFTER = 400 // milliseconds: one reading of the register for many changed rows

const newsKey = (name: string, variant: string): string => `${name}\u001f${variant}`

/**
 * Every channel and its state, kept up to date by events; nothing is polled.
 *
 * Channels are plain objects outside Vue's tracking: 2,743 of them change in bursts, and the few
 * rows on the screen read `pulse`, which is raised at most once in a frame.
 */
export const useFleet = defineStore('fleet', () => {
  const channels = new Map<string, Channel>()
  const news = new Map<string, StreamNews>()
  const standIns = new StandIns()
  const listeners = new Set<Listener>()
  const platforms = shallowRef<Map<string, string>>(new Map())

  const structure = ref(0)
  const pulse = ref(0)
  const isLoaded = ref(false)
  const failure = ref('')
  const status = shallowRef<FeedStatus>({ state: 'connecting', attempt: 0, retryAt: null, lostAt: null })

  let feed: EventFeed | null = null
  let waiting: ServiceEvent[] | null = [] // events that came before the register
  let loading: Promise<void> | null = null
  let isStale = false // it changed while it was being read
  let toldSince = new Set<string>() // streams heard of since they were asked for
  let reloadTimer = 0
  let isPulsing = false

  const platformName = (id: string): string => platforms.value.get(id) || id

  const all = computed(() => {
    void structure.value
    return [...channels.values()]
  })
  const watchable = computed(() => all.value.filter(isWatchable))
  const byPlatform = computed(() =>
    buildTree(watchable.value, 'platform', platformName, i18n.global.t('panel.unnamed')),
  )
  const byArea = computed(() =>
    buildTree(watchable.value, 'area', platformName, i18n.global.t('panel.unnamed')),
  )
  const allEntries = computed(() => prepare(all.value))
  const entries = computed(() => allEntries.value.filter(({ channel }) => isWatchable(channel)))
  const counted = computed(() => {
    const fresh = new Tally()
    for (const channel of watchable.value) fresh.count(channel, groupsOf(channel.id), 1)
    return fresh
  })

  function groupsOf(id: string): string[] {
    return [
      ...(byPlatform.value.groupsOf.get(id) ?? []),
      ...(byArea.value.groupsOf.get(id) ?? []),
    ]
  }

  function start(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    feed = new EventFeed(`${scheme}://${location.host}/api/v1/events`, {
      hello: (complete) => {
        if (!complete) {
          void load()
          void useSession().restore() // the disk may have filled or found room meanwhile
        }
        void askStreams()
        tell(null)
      },
      event: receive,
      status: (next) => {
        status.value = next
        if (next.state === 'lost') {
          news.clear() // what was said of streams is no longer known
          standIns.clear()
          if (!isLoaded.value) void load()
        }
      },
      failed: () => void useSession().restore(),
    })
    feed.start()
  }

  function stop(): void {
    feed?.stop()
    feed = null
    window.clearTimeout(reloadTimer)
    channels.clear()
    news.clear()
    standIns.clear()
    isLoaded.value = false
    structure.value += 1
  }

  /** Read the register; while that is under way it is read once more afterwards, and not twice at once. */
  function load(): Promise<void> {
    if (loading) {
      isStale = true
      return loading
    }
    loading = loadAll().finally(() => (loading = null))
    return loading
  }

  async function loadAll(): Promise<void> {
    do {
      isStale = false
      await loadOnce()
    } while (isStale)
  }

  async function loadOnce(): Promise<void> {
    waiting ??= []
    try {
      const [list, named] = await Promise.all([
        api.channels(),
        api.platforms().catch((): Platform[] => []),
      ])
      platforms.value = new Map(named.map((platform) => [platform.id, platform.name]))
      channels.clear()
      for (const channel of list.sort((a, b) => a.number - b.number)) channels.set(channel.id, channel)
      failure.value = ''
      isLoaded.value = true
    } catch (error) {
      failure.value = error instanceof ApiError ? error.code : 'other'
    }
    const missed = waiting
    waiting = null
    structure.value += 1
    for (const event of missed ?? []) receive(event)
  }

  function receive(event: ServiceEvent): void {
    if (waiting) {
      waiting.push(event)
      return
    }
    if (event.type === 'channel.state') changeState(event)
    else if (event.type === 'stream.state') hearStream(event)
    else if (event.type === 'stream.source') standIns.switched(event)
    else if (event.type === 'storage.state') useSession().storage = String(event.data['state'])
    else if (event.type === 'channel.changed' || event.type === 'register.changed') reloadSoon()
    tell(event)
  }

  function changeState({ object, data }: ServiceEvent): void {
    const channel = channels.get(object)
    const since = Number(data['since'] ?? 0)
    if (!channel || since < channel.since) return // older than what the register said
    const groups = groupsOf(object)
    const counts = counted.value
    counts.count(channel, groups, -1)
    channel.state = data['state'] as ChannelState
    channel.reason = String(data['reason'] ?? '')
    channel.since = since
    channel.level = String(data['level'] ?? channel.level)
    counts.count(channel, groups, 1)
    pulseSoon()
  }

  /** What streams are in is told when it changes; once connected, ask for what was told before. */
  async function askStreams(): Promise<void> {
    const told = (toldSince = new Set<string>())
    standIns.asking()
    const streams = await api.streams().catch((): Stream[] => [])
    for (const { name, variant, state, reason, lossy } of streams) {
      const key = newsKey(name, variant)
      if (!told.has(key)) news.set(key, { state, reason, attempt: 0, retryAt: null, isLossy: lossy })
    }
    standIns.answered(streams)
  }

  function hearStream({ object, data }: ServiceEvent): void {
    const retryIn = data['retry_in']
    const key = newsKey(object, String(data['variant']))
    toldSince.add(key)
    if (data['state'] === 'idle') standIns.ended(object, data['variant'])
    news.set(key, {
      state: String(data['state']),
      reason: String(data['reason'] ?? ''),
      attempt: Number(data['attempt'] ?? 0),
      retryAt: typeof retryIn === 'number' ? performance.now() + retryIn * 1_000 : null,
      isLossy: data['lossy'] === true,
    })
  }

  function pulseSoon(): void {
    if (isPulsing) return
    isPulsing = true
    const raise = (): void => {
      isPulsing = false
      pulse.value += 1
    }
    if (document.hidden) setTimeout(raise, 500)
    else requestAnimationFrame(raise)
  }

  function reloadSoon(): void {
    window.clearTimeout(reloadTimer)
    reloadTimer = window.setTimeout(() => void load(), RELOAD_AFTER)
  }

  function tell(event: ServiceEvent | null): void {
    for (const listener of listeners) listener(event)
  }

  /** Hear every event (null: the connection to the service stands again). Returns how to stop. */
  function listen(listener: Listener): () => void {
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  return {
    structure,
    pulse,
    isLoaded,
    failure,
    status,
    byPlatform,
    byArea,
    all,
    allEntries,
    entries,
    platforms,
    platformName,
    start,
    stop,
    load,
    listen,
    reconnect: () => feed?.retryNow(),
    find: (id: string): Channel | undefined => channels.get(id),
    newsOf: (name: string, variant: string): StreamNews | null => news.get(newsKey(name, variant)) ?? null,
    standInOf: (name: string, variant: string): StandIn | null => standIns.of(name, variant, Date.now() / 1_000),
    tally: (): Tally => counted.value,
  }
})
