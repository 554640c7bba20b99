import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { FINAL } from '../src/player'
import { stateOfFailure } from '../src/verdict'

type Messages = { [key: string]: string | Messages }

const SOURCE = join(__dirname, '../src')
const read = (name: string): Messages =>
  JSON.parse(readFileSync(join(SOURCE, `locales/${name}.json`), 'utf8')) as Messages

function flatten(messages: Messages, prefix = ''): [string, string][] {
  return Object.entries(messages).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[prefix + key, value]] : flatten(value, `${prefix}${key}.`),
  )
}

const chinese = new Map(flatten(read('zh-CN')))
const english = new Map(flatten(read('en')))
const sources = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(vue|ts)$/.test(name))
  .map((name) => [name, readFileSync(join(SOURCE, name), 'utf8')] as const)

describe('catalogues', () => {
  it('hold the same keys and the same parameters', () => {
    const parameters = (text = ''): string[] => (text.match(/\{\w+\}/g) ?? []).sort()
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
    for (const [key, text] of chinese) expect(parameters(english.get(key)), key).toEqual(parameters(text))
  })

  it('have every key that the sources name', () => {
    const keys = sources.flatMap(([, text]) => [...text.matchAll(/\bt\(\s*'([\w.]+)'/g)].map(([, key]) => key!))
    expect(keys.length).toBeGreaterThan(50)
    expect(keys.filter((key) => !chinese.has(key))).toEqual([])
  })

  it('explain every failure that is not tried again', () => {
    for (const code of FINAL) {
      expect(chinese.has(`reason.${code}`), code).toBe(true)
      expect(stateOfFailure(code), code).not.toBe('reconnecting')
    }
  })

  it('name the states of a tile in the words of the hall', () => {
    const words = ['idle', 'connecting', 'playing', 'stalled', 'reconnecting', 'offline', 'unauthorized', 'busy', 'unsupported', 'disabled']
    expect(words.map((word) => chinese.get(`tile.${word}`))).toEqual([
      '空闲', '连接中', '播放', '卡顿', '重连中', '离线', '未授权', '忙', '编码不支持', '已停用',
    ])
  })
})

describe('templates', () => {
  it('have no style attribute and no raw HTML, which the content security policy forbids', () => {
    for (const [name, text] of sources) {
      expect(/<[^>]*\sstyle="/.test(text), name).toBe(false)
      expect(text.includes('v-html') || text.includes('innerHTML'), name).toBe(false)
    }
  })

  it('name no other host', () => {
    for (const [name, text] of sources) expect(/https?:\/\/[a-z]/.test(text), name).toBe(false)
  })
})
