import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createApp, defineComponent, h, ref, useTemplateRef, type App } from 'vue'

import { useFit, type Fit } from '../src/fit'
import { settle } from './helpers'

const SPARE = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const
const EACH = 10 // how wide a part is
const room = ref(0)
const news = ref('')

let app: App
let fit: Fit<string>
let resized: () => void
let bar: HTMLElement

const Bar = defineComponent(() => {
  fit = useFit(useTemplateRef<HTMLElement>('bar'), SPARE, news)
  return () => {
    const parts = SPARE.filter((part) => !fit.omitted.value.has(part))
    return h('header', { ref: 'bar' }, parts.map((part) => h('a', { key: part, id: part })))
  }
})

const shown = (): string => [...bar.children].map(({ id }) => id).join('')

async function resize(width: number): Promise<void> {
  room.value = width
  resized()
  await settle()
  await settle()
}

beforeEach(async () => {
  vi.stubGlobal('ResizeObserver', class {
    constructor(heard: () => void) {
      resized = heard
    }
    observe = (): void => {}
    disconnect = (): void => {}
  })
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockImplementation(() => room.value)
  vi.spyOn(HTMLElement.prototype, 'scrollWidth', 'get').mockImplementation(function (this: HTMLElement) {
    return this.childElementCount * EACH + news.value.length
  })
  news.value = ''
  app = createApp(Bar)
  bar = app.mount(document.createElement('div')).$el as HTMLElement
  await resize(45)
})

afterEach(() => {
  app.unmount()
  vi.unstubAllGlobals()
})

describe('useFit', () => {
  it('leaves out as few parts as it must, in their order', async () => {
    expect(shown()).toBe('efgh')
    await resize(80)
    expect(shown()).toBe('abcdefgh')
    await resize(79)
    expect(shown()).toBe('bcdefgh')
    await resize(5)
    expect(shown()).toBe('')
    await resize(20)
    expect(shown()).toBe('gh')
    expect([...fit.settled.value].join('')).toBe('abcdef')
  })

  it('looks again when the words change, and touches nothing that may stay', async () => {
    const before = [...bar.children]
    const removed: Node[] = []
    const observer = new MutationObserver((records) => removed.push(...records.flatMap((one) => [...one.removedNodes])))
    observer.observe(bar, { childList: true })
    const { settled } = fit
    const outcome = settled.value
    news.value = '+++++'
    await settle()
    await settle()
    expect([...bar.children]).toEqual(before)
    expect(settled.value).toBe(outcome)
    news.value = '++++++'
    await settle()
    await settle()
    expect(shown()).toBe('fgh')
    expect(removed.filter((node) => before.includes(node as Element))).toEqual([before[0]])
    observer.disconnect()
  })
})
