import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { noFilters, ordered, queryOf, withNews, type Alarm, type Filters, type Show } from '../alarm'
import { api } from '../api'
import type { ServiceEvent } from '../events'
import { useFleet } from './fleet'

const RELOAD_AFTER = 1_000 // milliseconds: news come in bursts, and do not say where their channels are

/** Alarms that nobody has closed, for the header and the page; other lists on demand. */
export const useAlarms = defineStore('alarms', () => {
  const fleet = useFleet()
  const show = ref<Show>('unclosed')
  const filters = ref<Filters>(noFilters())
  const unclosed = shallowRef<Alarm[]>([])
  const others = shallowRef<Alarm[]>([])
  const failure = shallowRef<unknown>(null)
  const isLoaded = ref(false)
  let deafen = (): void => {}
  let timer = 0
  let asked = 0

  const query = computed(() => queryOf(show.value, filters.value))
  const isFiltered = computed(() => Object.keys(query.value).length > 0)
  /** Whether the list of the header is what the page shows. */
  const isPlain = computed(() => show.value === 'unclosed' && !isFiltered.value)
  const shown = computed(() => ordered(isPlain.value ? unclosed.value : others.value, show.value))
  const waiting = computed(() => unclosed.value.filter(({ attention }) => attention === 'open'))

  async function load(): Promise<void> {
    const turn = (asked += 1)
    const wanted = isPlain.value ? [] : api.alarms(show.value, query.value)
    try {
      const lists = await Promise.all([api.alarms('unclosed'), wanted])
      if (turn !== asked) return
      unclosed.value = lists[0]
      others.value = lists[1]
      failure.value = null
      isLoaded.value = true
    } catch (error) {
      if (turn === asked) failure.value = error
    }
  }

  function hear(event: ServiceEvent | null): void {
    if (event === null) void load()
    else if (event.type === 'alarm.changed') {
      const news = event.data as unknown as Alarm
      unclosed.value = withNews(unclosed.value, news, 'unclosed')
      if (isFiltered.value) reload()
      else if (show.value !== 'unclosed') others.value = withNews(others.value, news, show.value)
    }
  }

  function reload(): void {
    timer ||= window.setTimeout(() => {
      timer = 0
      void load()
    }, RELOAD_AFTER)
  }

  function start(): void {
    deafen()
    deafen = fleet.listen(hear)
    void load()
  }

  function stop(): void {
    deafen()
    window.clearTimeout(timer)
    timer = 0
  }

  function choose(list: Show, narrowed: Filters = filters.value): void {
    show.value = list
    filters.value = narrowed
    others.value = []
    void load()
  }

  return { show, filters, query, isFiltered, shown, waiting, failure, isLoaded, start, stop, load, choose, hear }
})
