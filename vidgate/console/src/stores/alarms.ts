import { defineStore } from 'pinia'
import { computed, ref, shallowRef } from 'vue'

import { ordered, withNews, type Alarm, type Show } from '../alarm'
import { api } from '../api'
import type { ServiceEvent } from '../events'
import { useFleet } from './fleet'

/** Alarms that nobody has closed, for the header and the page; other lists on demand. */
export const useAlarms = defineStore('alarms', () => {
  const fleet = useFleet()
  const show = ref<Show>('unclosed')
  const unclosed = shallowRef<Alarm[]>([])
  const past = shallowRef<Alarm[]>([])
  const failure = shallowRef<unknown>(null)
  const isLoaded = ref(false)
  let deafen = (): void => {}

  const shown = computed(() => (show.value === 'unclosed' ? ordered(unclosed.value, 'unclosed') : ordered(past.value, show.value)))
  const waiting = computed(() => unclosed.value.filter(({ attention }) => attention === 'open'))

  async function load(): Promise<void> {
    const asked = show.value
    try {
      const lists = await Promise.all([api.alarms('unclosed'), asked === 'unclosed' ? [] : api.alarms(asked)])
      unclosed.value = lists[0]
      if (asked === show.value) past.value = lists[1]
      failure.value = null
      isLoaded.value = true
    } catch (error) {
      failure.value = error
    }
  }

  function hear(event: ServiceEvent | null): void {
    if (event === null) void load()
    else if (event.type === 'alarm.changed') {
      const news = event.data as unknown as Alarm
      unclosed.value = withNews(unclosed.value, news, 'unclosed')
      if (show.value !== 'unclosed') past.value = withNews(past.value, news, show.value)
    }
  }

  function start(): void {
    deafen()
    deafen = fleet.listen(hear)
    void load()
  }

  function choose(list: Show): void {
    show.value = list
    past.value = []
    void load()
  }

  return { show, shown, waiting, failure, isLoaded, start, stop: () => deafen(), load, choose, hear }
})
