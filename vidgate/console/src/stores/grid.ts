import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'

import { recallJson, remember } from '../memory'
import type { Wanted } from '../whep'

export const LAYOUTS = [1, 4, 9, 16] as const
export type Layout = (typeof LAYOUTS)[number]

export interface Cell {
  /** Stays with the picture when cells swap, so that nothing reconnects. */
  readonly uid: number
  channel: string | null
  /** What the operator chose; `auto` follows the layout. */
  wanted: Wanted
}

const CELLS = 16

/** A cell of its own outside the grid, on a channel's page. */
export const soloCell = (channel: string): Cell => ({ uid: -1, channel, wanted: 'auto' })
export const isSolo = (cell: Cell): boolean => cell.uid < 0

interface Saved {
  layout: Layout
  cells: { channel: string | null; wanted: Wanted }[]
}

/** Read what was stored, whatever it is. */
export function parseSaved(raw: unknown): Saved | null {
  if (typeof raw !== 'object' || raw === null) return null
  const { layout, cells } = raw as { layout?: unknown; cells?: unknown }
  if (!LAYOUTS.includes(layout as Layout) || !Array.isArray(cells)) return null
  return {
    layout: layout as Layout,
    cells: cells.slice(0, CELLS).map((cell: unknown) => {
      const { channel, wanted } = (cell ?? {}) as { channel?: unknown; wanted?: unknown }
      return {
        channel: typeof channel === 'string' ? channel : null,
        wanted: wanted === 'main' || wanted === 'sub' ? wanted : 'auto',
      }
    }),
  }
}

/** Which channel is in which cell; cells beyond the layout are remembered but not watched. */
export const useGrid = defineStore('grid', () => {
  const layout = ref<Layout>(4)
  const cells = ref<Cell[]>(
    Array.from({ length: CELLS }, (_, uid) => ({ uid, channel: null, wanted: 'auto' as Wanted })),
  )
  const active = ref(0)
  const maximised = ref<number | null>(null) // uid
  let key = ''

  const visible = computed(() => cells.value.slice(0, layout.value))
  const side = computed(() => Math.sqrt(layout.value))
  const watching = computed(() => visible.value.filter((cell) => cell.channel !== null).length)

  /** Take up a user's grid; from now on every change is remembered for that user. */
  function restore(user: string): void {
    key = `vidgate.grid.${user}`
    const saved = parseSaved(recallJson(key))
    if (!saved) return
    layout.value = saved.layout
    saved.cells.forEach((from, index) => {
      const cell = cells.value[index]
      if (cell) Object.assign(cell, from)
    })
    active.value = Math.max(0, nextEmpty(0) ?? 0)
  }

  watch(
    [layout, cells],
    () => {
      if (!key) return
      const saved: Saved = {
        layout: layout.value,
        cells: cells.value.map(({ channel, wanted }) => ({ channel, wanted })),
      }
      remember(key, JSON.stringify(saved))
    },
    { deep: true },
  )

  function setLayout(next: Layout): void {
    layout.value = next
    maximised.value = null
    if (active.value >= next) active.value = nextEmpty(0) ?? 0
  }

  /** The first empty visible cell at or after `from`, going round. */
  function nextEmpty(from: number): number | null {
    for (let step = 0; step < layout.value; step += 1) {
      const index = (from + step) % layout.value
      if (cells.value[index]?.channel === null) return index
    }
    return null
  }

  function put(index: number, channel: string | null): void {
    const cell = cells.value[index]
    if (!cell || index >= layout.value) return
    if (cell.channel !== channel) cell.wanted = 'auto'
    cell.channel = channel
    if (channel === null && maximised.value === cell.uid) maximised.value = null
  }

  /** Into the active cell, then on to the next empty one; a channel already shown is only selected. */
  function open(channel: string): void {
    const shown = visible.value.findIndex((cell) => cell.channel === channel)
    if (shown >= 0) {
      active.value = shown
      return
    }
    maximised.value = null
    put(active.value, channel)
    active.value = nextEmpty(active.value) ?? active.value
  }

  /** One after the other from a cell on, over what is there. */
  function fill(from: number, channels: readonly string[]): void {
    maximised.value = null
    channels.slice(0, layout.value - from).forEach((channel, step) => put(from + step, channel))
    active.value = nextEmpty(from) ?? from
  }

  /** Two cells change places; their pictures go on. */
  function swap(from: number, to: number): void {
    const [a, b] = [cells.value[from], cells.value[to]]
    if (!a || !b || from === to) return
    cells.value[from] = b
    cells.value[to] = a
    active.value = to
  }

  function clear(index: number): void {
    put(index, null)
    active.value = index
  }

  function clearAll(): void {
    for (let index = 0; index < layout.value; index += 1) put(index, null)
    active.value = 0
  }

  function toggleMaximised(index: number): void {
    const cell = cells.value[index]
    if (!cell || cell.channel === null) return
    active.value = index
    maximised.value = maximised.value === cell.uid ? null : cell.uid
  }

  /** Move the selection by columns and rows, stopping at the edges. */
  function move(columns: number, rows: number): void {
    const width = side.value
    const column = Math.min(width - 1, Math.max(0, (active.value % width) + columns))
    const row = Math.min(width - 1, Math.max(0, Math.floor(active.value / width) + rows))
    active.value = row * width + column
    if (maximised.value === null) return
    const cell = cells.value[active.value]
    if (cell?.channel != null) maximised.value = cell.uid
  }

  /** The stream to ask for: in a grid of more than four a sub stream is all that can be seen. */
  function wantedFor(cell: Cell, hasSub: boolean): Wanted {
    if (cell.wanted !== 'auto' || isSolo(cell)) return cell.wanted
    return layout.value > 4 && hasSub && maximised.value !== cell.uid ? 'sub' : 'auto'
  }

  return {
    layout,
    cells,
    active,
    maximised,
    visible,
    side,
    watching,
    restore,
    setLayout,
    nextEmpty,
    put,
    open,
    fill,
    swap,
    clear,
    clearAll,
    toggleMaximised,
    move,
    wantedFor,
  }
})
