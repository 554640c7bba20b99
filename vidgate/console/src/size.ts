import { onBeforeUnmount, onMounted, ref, type Ref } from 'vue'

/** The height of an element, followed as it changes; the virtual lists want it in figures. */
export function useElementSize(element: Ref<HTMLElement | undefined>): { height: Ref<number> } {
  const height = ref(600)
  const observer = new ResizeObserver(([entry]) => {
    const next = Math.floor(entry?.contentRect.height ?? 0)
    if (next > 0) height.value = next
  })
  onMounted(() => element.value && observer.observe(element.value))
  onBeforeUnmount(() => observer.disconnect())
  return { height }
}
