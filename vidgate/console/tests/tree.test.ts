import { describe, expect, it } from 'vitest'

import { Tally, buildTree, channelsUnder, dueOf, isWatchable, standingOf, unknownOf, type TreeNode } from '../src/tree'
import { channel } from './helpers'

const a = channel({ id: 'a', platform: 'p1', area: '城关镇/河堤' })
const b = channel({ id: 'b', platform: 'p1', area: '城关镇', state: 'down' })
const c = channel({ id: 'c', platform: '', department: '', area: '', state: 'reachable' })
const nameOf = (id: string): string => ({ p1: '公安回流01' })[id] ?? id

const labels = (nodes: readonly TreeNode[]): unknown[] =>
  nodes.map((node) => (node.kind === 'group' ? [node.label, ...labels(node.children)] : node.id))

describe('buildTree', () => {
  it('groups by department and platform, with names', () => {
    const { roots } = buildTree([a, b, c], 'platform', nameOf, '未分组')
    expect(labels(roots)).toEqual([
      ['公安局', ['公安回流01', 'a', 'b']],
      ['未分组', ['未分组', 'c']],
    ])
  })

  it('follows the levels of an area', () => {
    const { roots, groupsOf } = buildTree([a, b, c], 'area', nameOf, '未分组')
    expect(labels(roots)).toEqual([
      ['城关镇', ['河堤', 'a'], 'b'],
      ['未分组', 'c'],
    ])
    expect(groupsOf.get('a')).toHaveLength(2)
    expect(channelsUnder(roots[0]!).map(({ id }) => id)).toEqual(['a', 'b'])
  })
})

describe('Tally', () => {
  it('counts a channel in every group and follows its state', () => {
    const { groupsOf, roots } = buildTree([a, b, c], 'area', nameOf, '')
    const tally = new Tally()
    for (const one of [a, b, c]) tally.count(one, groupsOf.get(one.id)!, 1)
    expect(tally.all).toEqual({ total: 3, online: 1, busy: 0, reachable: 1, faulty: 1, maintenance: 0 })
    expect(tally.of(roots[0]!.id)).toEqual({ total: 2, online: 1, busy: 0, reachable: 0, faulty: 1, maintenance: 0 })

    tally.count(b, groupsOf.get('b')!, -1)
    tally.count({ ...b, state: 'up' }, groupsOf.get('b')!, 1)
    expect(tally.of(roots[0]!.id)).toEqual({ total: 2, online: 2, busy: 0, reachable: 0, faulty: 0, maintenance: 0 })

    tally.count({ ...b, state: 'up' }, groupsOf.get('b')!, -1)
    tally.count({ ...b, state: 'busy' }, groupsOf.get('b')!, 1)
    expect(tally.of(roots[0]!.id)).toEqual({ total: 2, online: 2, busy: 1, reachable: 0, faulty: 0, maintenance: 0 })
  })

  it('keeps maintenance apart from what should be online', () => {
    const { groupsOf, roots } = buildTree([a, b, c], 'area', nameOf, '')
    const tally = new Tally()
    for (const one of [a, { ...b, state: 'maintenance' as const }, c]) tally.count(one, groupsOf.get(one.id)!, 1)
    expect(tally.all).toEqual({ total: 3, online: 1, busy: 0, reachable: 1, faulty: 0, maintenance: 1 })
    expect([dueOf(tally.all), unknownOf(tally.all)]).toEqual([2, 0])
    expect(dueOf(tally.of(roots[0]!.id))).toBe(1)
  })

  it('leaves out what is switched off or not accepted', () => {
    const tally = new Tally()
    tally.count(channel({ enabled: false }), [], 1)
    tally.count(channel({ lifecycle: 'planned' }), [], 1)
    expect(tally.all.total).toBe(0)
  })
})

describe('standingOf', () => {
  it('takes only a proved picture for online', () => {
    expect(standingOf('up')).toBe('online')
    expect(standingOf('busy')).toBe('online')
    expect(standingOf('reachable')).toBe('reachable')
    expect(standingOf('unauthorized')).toBe('faulty')
    expect(standingOf('maintenance')).toBe('maintenance')
    expect(standingOf('unknown')).toBe('other')
  })
})

describe('isWatchable', () => {
  it('hides what has no picture yet or any more', () => {
    expect(isWatchable(channel({ lifecycle: 'planned' }))).toBe(false)
    expect(isWatchable(channel({ lifecycle: 'retired' }))).toBe(false)
    expect(isWatchable(channel({ lifecycle: 'commissioning' }))).toBe(true)
  })
})
