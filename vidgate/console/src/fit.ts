import { computed, nextTick, onBeforeUnmount, onMounted, ref, watch, type ComputedRef, type Ref, type WatchSource } from 'vue'

export interface Fit<Part extends string> {
  /** What the bar is drawn without; some more or less while that is measured. */
  omitted: ComputedRef<ReadonlySet<Part>>
  /** The same once it is measured: for what must not change meanwhile, such as an open menu. */
  settled: ComputedRef<ReadonlySet<Part>>
}

/**
 * Which parts of a bar there is no room for: as many from the start of `spare` as must go.
 *
 * Measured when the bar's width or its `content` changes, before that is painted: how long the
 * words are depends on language, font, counts and user, of which a breakpoint knows nothing.
 * Leaving out one more part must never make the bar wider. Sought from the present number in steps
 * of one, for a part that goes though it fits would lose the focus.
 */
export function useFit<Part extends string>(
  bar: Ref<HTMLElement | null>,
  spare: readonly Part[],
  content: WatchSource<string>,
): Fit<Part> {
  const tried = ref(0)
  const found = ref(0)
  let turn = 0

  async function fit(): Promise<void> {
    const mine = ++turn
    let least = 0
    for (;;) {
      await nextTick()
      if (mine !== turn || !bar.value) return
      const isCrowded = bar.value.scrollWidth > bar.value.clientWidth
      if (isCrowded && tried.value < spare.length) least = ++tried.value
      else if (tried.value > least) tried.value -= 1
      else break
    }
    found.value = tried.value
  }

  const observer = new ResizeObserver(() => void fit())
  onMounted(() => bar.value && observer.observe(bar.value))
  onBeforeUnmount(() => observer.disconnect())
  watch(content, () => void fit())

  const first = (count: Ref<number>) => computed(() => new Set(spare.slice(0, count.value)))
  return { omitted: first(tried), settled: first(found) }
}
