import { computed, nextTick, onBeforeUnmount, onMounted, ref, watch, type ComputedRef, type Ref } from 'vue'

/**
 * Which parts of a bar there is no room for: as many from the start of `spare` as must go.
 *
 * Measured when the bar's width or its `content` changes, before that is painted: how long the
 * words are depends on language, font, counts and user, of which a breakpoint knows nothing.
 * Leaving out one more part must never make the bar wider.
 */
export function useFit<Part extends string>(
  bar: Ref<HTMLElement | null>,
  spare: readonly Part[],
  content: () => unknown,
): ComputedRef<ReadonlySet<Part>> {
  const omitted = ref(0)
  let turn = 0

  async function fit(): Promise<void> {
    const mine = ++turn
    let [low, high] = [0, spare.length]
    while (low < high) {
      omitted.value = (low + high) >> 1
      await nextTick()
      if (mine !== turn || !bar.value) return
      if (bar.value.scrollWidth > bar.value.clientWidth) low = omitted.value + 1
      else high = omitted.value
    }
    omitted.value = low
  }

  const observer = new ResizeObserver(() => void fit())
  onMounted(() => bar.value && observer.observe(bar.value))
  onBeforeUnmount(() => observer.disconnect())
  watch(content, () => void fit())

  return computed(() => new Set(spare.slice(0, omitted.value)))
}
