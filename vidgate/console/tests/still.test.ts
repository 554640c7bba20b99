import { beforeEach, describe, expect, it } from 'vitest'

import { StillHolder, type Still } from '../src/still'
import { settle } from './helpers'

let shown: Still | null
let urls: Set<string>
let answers: ((response: Response) => void)[]
let asked: string[]
let holder: StillHolder

const picture = (age: string | null): Response =>
  new Response(new Blob(['jpeg']), { headers: age === null ? {} : { Age: age } })

beforeEach(() => {
  shown = null
  urls = new Set()
  answers = []
  asked = []
  holder = new StillHolder((still) => (shown = still), {
    fetch: (path) => {
      asked.push(path)
      return new Promise((answer) => answers.push(answer))
    },
    now: () => 1_000_000,
    makeUrl: () => {
      urls.add(`blob:${urls.size}`)
      return [...urls].at(-1)!
    },
    dropUrl: (url) => urls.delete(url),
  })
})

async function answer(index: number, response: Response): Promise<void> {
  answers[index]!(response)
  await settle()
  await new Promise((done) => setTimeout(done))
}

describe('StillHolder', () => {
  it('shows the picture with its age by the clock of this machine', async () => {
    void holder.ask('a/b')
    expect(asked).toEqual(['/api/v1/channels/a%2Fb/snapshot'])
    await answer(0, picture('180'))
    expect(shown).toEqual({ channel: 'a/b', url: 'blob:0', at: 820_000 })
  })

  it('lets go of what it shows, once', async () => {
    void holder.ask('a')
    await answer(0, picture('1'))
    holder.drop()
    holder.drop()
    expect(shown).toBeNull()
    expect(urls.size).toBe(0)
  })

  it('never shows the picture of a channel that was left meanwhile', async () => {
    void holder.ask('a')
    void holder.ask('b')
    await answer(0, picture('1'))
    expect(shown).toBeNull()
    await answer(1, picture('2'))
    expect(shown).toMatchObject({ channel: 'b' })
    void holder.ask('c')
    expect(shown).toBeNull()
  })

  it('shows nothing of unknown age, and nothing where there is none', async () => {
    void holder.ask('a')
    await answer(0, picture(null))
    expect(shown).toBeNull()
    void holder.ask('a')
    await answer(1, new Response('{}', { status: 404, headers: { Age: '5' } }))
    expect(shown).toBeNull()
  })
})
