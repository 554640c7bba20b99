import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'

import { parseSaved, useGrid } from '../src/stores/grid'

const shown = (): (string | null)[] => useGrid().visible.map(({ channel }) => channel)

beforeEach(() => {
  localStorage.clear()
  setActivePinia(createPinia())
})

describe('grid', () => {
  it('fills the active cell and goes on to the next empty one', () => {
    const grid = useGrid()
    for (const id of ['a', 'b', 'c']) grid.open(id)
    expect(shown()).toEqual(['a', 'b', 'c', null])
    grid.active = 1
    grid.open('d')
    expect(shown()).toEqual(['a', 'd', 'c', null])
    expect(grid.active).toBe(3)
  })

  it('only selects a channel that is shown already', () => {
    const grid = useGrid()
    grid.open('a')
    grid.open('b')
    grid.open('a')
    expect(shown()).toEqual(['a', 'b', null, null])
    expect(grid.active).toBe(0)
  })

  it('swaps pictures, not their connections', () => {
    const grid = useGrid()
    grid.open('a')
    const { uid } = grid.cells[0]!
    grid.swap(0, 3)
    expect(shown()).toEqual([null, null, null, 'a'])
    expect(grid.cells[3]!.uid).toBe(uid)
  })

  it('fills from where a group was dropped, as far as there is room', () => {
    const grid = useGrid()
    grid.fill(2, ['a', 'b', 'c'])
    expect(shown()).toEqual([null, null, 'a', 'b'])
  })

  it('remembers what a smaller layout hides', () => {
    const grid = useGrid()
    grid.fill(0, ['a', 'b'])
    grid.setLayout(1)
    expect(shown()).toEqual(['a'])
    grid.setLayout(4)
    expect(shown()).toEqual(['a', 'b', null, null])
  })

  it('asks for the sub stream where the picture is small', () => {
    const grid = useGrid()
    grid.open('a')
    const cell = grid.cells[0]!
    expect(grid.wantedFor(cell, true)).toBe('auto')
    grid.setLayout(9)
    expect(grid.wantedFor(cell, true)).toBe('sub')
    expect(grid.wantedFor(cell, false)).toBe('auto')
    grid.toggleMaximised(0)
    expect(grid.wantedFor(cell, true)).toBe('auto')
    cell.wanted = 'main'
    grid.toggleMaximised(0)
    expect(grid.wantedFor(cell, true)).toBe('main')
  })

  it('moves the selection and stops at the edges', () => {
    const grid = useGrid()
    grid.move(1, 0)
    grid.move(1, 1)
    expect(grid.active).toBe(3)
    grid.move(0, 1)
    expect(grid.active).toBe(3)
  })

  it('keeps each user their own grid', async () => {
    const grid = useGrid()
    grid.restore('wang')
    grid.setLayout(9)
    grid.open('a')
    await nextTick()
    setActivePinia(createPinia())
    useGrid().restore('li')
    expect(useGrid().layout).toBe(4)
    setActivePinia(createPinia())
    useGrid().restore('wang')
    expect(useGrid().layout).toBe(9)
    expect(shown()[0]).toBe('a')
    expect(useGrid().active).toBe(1)
  })

  it('takes no nonsense from storage', () => {
    expect(parseSaved(null)).toBeNull()
    expect(parseSaved({ layout: 7, cells: [] })).toBeNull()
    expect(parseSaved({ layout: 4, cells: [{ channel: 5, wanted: 'all' }, null] })?.cells).toEqual([
      { channel: null, wanted: 'auto' },
      { channel: null, wanted: 'auto' },
    ])
  })
})
