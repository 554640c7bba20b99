/** Search by name, id and pinyin: everything is prepared once, a query is one pass of `indexOf`. */

import type { Channel } from './api'

export interface Entry {
  channel: Channel
  name: string
  id: string
  pinyin: string
  /** Pinyin words (initials and full spellings, all readings). */
  words: string[]
}

export interface Hit {
  channel: Channel
  score: number
}

const fold = (text: string): string => text.normalize('NFKC').toLowerCase()

export function prepare(channels: Iterable<Channel>): Entry[] {
  return Array.from(channels, (channel) => {
    const pinyin = fold(channel.pinyin ?? '')
    return {
      channel,
      name: fold(channel.name),
      id: fold(channel.id),
      pinyin,
      words: pinyin.split(/\s+/).filter(Boolean),
    }
  })
}

const NO = -1

/** Lower is better: start of the name, start of its pinyin, inside either, then the id. */
function rate(entry: Entry, term: string): number {
  const inName = entry.name.indexOf(term)
  if (inName === 0) return 0
  const inPinyin = entry.pinyin.indexOf(term)
  if (inPinyin >= 0 && entry.words.some((word) => word.startsWith(term))) return 1
  if (inName > 0) return 2
  if (entry.id === term) return 0
  if (entry.id.endsWith(term)) return 3
  if (inPinyin >= 0) return 4
  if (entry.id.includes(term)) return 5
  return NO
}

/** Channels that match every term of the query, best first, else in register order. */
export function search(entries: readonly Entry[], query: string): Hit[] {
  const terms = fold(query).split(/\s+/).filter(Boolean)
  if (terms.length === 0) return []
  const hits: Hit[] = []
  for (const entry of entries) {
    let score = 0
    for (const term of terms) {
      const rating = rate(entry, term)
      if (rating === NO) {
        score = NO
        break
      }
      score += rating
    }
    if (score !== NO) hits.push({ channel: entry.channel, score })
  }
  return hits.sort((a, b) => a.score - b.score || a.channel.number - b.channel.number)
}

/** Which part of the name to mark: [start, end), or null where the match is not in the name. */
export function markOf(channel: Channel, query: string): [number, number] | null {
  const term = fold(query).split(/\s+/).find(Boolean)
  if (!term) return null
  const name = fold(channel.name)
  const inName = name.indexOf(term)
  if (inName >= 0) return [inName, inName + term.length]
  // Initials have one letter for each character, so a place in them is a place in the name.
  const letters = Array.from(name.replace(/\s/g, ''))
  if (letters.length !== name.length) return null
  for (const word of fold(channel.pinyin ?? '').split(/\s+/)) {
    if (word.length !== name.length) continue
    const place = word.indexOf(term)
    if (place >= 0) return [place, place + term.length]
  }
  return null
}
