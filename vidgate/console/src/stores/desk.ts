import { defineStore } from 'pinia'
import { ref, watch } from 'vue'

import { recallJson, remember } from '../memory'
import type { Grouping } from '../tree'

const KEY = 'vidgate.desk'

/** How the operator has arranged the desk: panels, overlays, sound. */
export const useDesk = defineStore('desk', () => {
  const saved = (recallJson(KEY) ?? {}) as { stats?: unknown; panel?: unknown; grouping?: unknown }
  const isStatsShown = ref(saved.stats === true)
  const isPanelShown = ref(saved.panel !== false)
  const grouping = ref<Grouping>(saved.grouping === 'area' ? 'area' : 'platform')
  const isHelpShown = ref(false)
  const tableQuery = ref<Record<string, string>>({}) // what the table of channels was narrowed to
  const audible = ref<number | null>(null) // uid of the one tile that is heard
  const now = ref(performance.now()) // for countdowns; a few times a second
  const notice = ref('')

  watch([isStatsShown, isPanelShown, grouping], () => {
    remember(
      KEY,
      JSON.stringify({
        stats: isStatsShown.value,
        panel: isPanelShown.value,
        grouping: grouping.value,
      }),
    )
  })

  let noticeTimer = 0
  function say(text: string): void {
    notice.value = text
    window.clearTimeout(noticeTimer)
    noticeTimer = window.setTimeout(() => (notice.value = ''), 2_500)
  }

  return { isStatsShown, isPanelShown, grouping, isHelpShown, audible, tableQuery, now, notice, say }
})
