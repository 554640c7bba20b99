import { describe, expect, it } from 'vitest'

import { documentsOf } from '../src/ndjson'

async function read(...pieces: string[]): Promise<unknown[]> {
  const bytes = pieces.map((piece) => new TextEncoder().encode(piece))
  const body = new ReadableStream({
    pull: (controller) => {
      const next = bytes.shift()
      if (next) controller.enqueue(next)
      else controller.close()
    },
  })
  const found: unknown[] = []
  for await (const document of documentsOf(new Response(body))) found.push(document)
  return found
}

describe('documentsOf', () => {
  it('gives every line, however the network cut it', async () => {
    expect(await read('{"done":1}\n{"do', 'ne":2}', '\n', '\n{"done":3}')).toEqual([{ done: 1 }, { done: 2 }, { done: 3 }])
  })

  it('gives nothing for nothing', async () => {
    expect(await read()).toEqual([])
  })
})
