import { onBeforeUnmount, onMounted } from 'vue'

import { useDesk } from './stores/desk'
import { useGrid } from './stores/grid'

interface Actions {
  focusSearch: () => void
  snapshot: () => void
  retry: () => void
}

/** Whether the key belongs to a field or a control and not to the page. */
function isTaken(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null
  if (target?.closest('input, textarea, select, [contenteditable]')) return true
  return ['Enter', ' '].includes(event.key) && target?.closest('button, a, [role=menuitem]') != null
}

export function toggleFullscreen(): void {
  if (document.fullscreenElement) void document.exitFullscreen()
  else void document.documentElement.requestFullscreen().catch(() => {})
}

/** The keyboard map of the live page; `?` shows it. */
export function useShortcuts(actions: Actions): void {
  const grid = useGrid()
  const desk = useDesk()

  const sound = (): void => {
    const uid = grid.cells[grid.active]?.uid ?? null
    desk.audible = desk.audible === uid ? null : uid
  }
  const escape = (): void => {
    if (desk.isHelpShown) desk.isHelpShown = false
    else grid.maximised = null
  }

  const keys: Record<string, () => void> = {
    '1': () => grid.setLayout(1),
    '4': () => grid.setLayout(4),
    '6': () => grid.setLayout(16),
    '9': () => grid.setLayout(9),
    ArrowLeft: () => grid.move(-1, 0),
    ArrowRight: () => grid.move(1, 0),
    ArrowUp: () => grid.move(0, -1),
    ArrowDown: () => grid.move(0, 1),
    Enter: () => grid.toggleMaximised(grid.active),
    Delete: () => grid.clear(grid.active),
    Backspace: () => grid.clear(grid.active),
    Escape: escape,
    '/': actions.focusSearch,
    '?': () => (desk.isHelpShown = !desk.isHelpShown),
    i: () => (desk.isStatsShown = !desk.isStatsShown),
    b: () => (desk.isPanelShown = !desk.isPanelShown),
    f: toggleFullscreen,
    m: sound,
    s: actions.snapshot,
    r: actions.retry,
  }

  function onKey(event: KeyboardEvent): void {
    if (event.isComposing) return
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      actions.focusSearch()
      return
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTaken(event)) return
    const isSixteen = event.shiftKey && event.code === 'Digit1'
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const action = isSixteen ? (): void => grid.setLayout(16) : keys[key]
    if (!action) return
    event.preventDefault()
    action()
  }

  onMounted(() => window.addEventListener('keydown', onKey))
  onBeforeUnmount(() => window.removeEventListener('keydown', onKey))
}
