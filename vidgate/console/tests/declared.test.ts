import { describe, expect, it } from 'vitest'

import type { Channel } from '../src/api'
import { claimsOf, differencesOf, isDeclared } from '../src/declared'
import { channel } from './helpers'

const told = (fields: Partial<Channel>): string => differencesOf(channel(fields)).join(' ')

describe('what is declared and what is measured', () => {
  it('contradict each other by the state that is known now', () => {
    expect(told({ declared_status: 'online', state: 'down' })).toBe('online_down')
    expect(told({ declared_status: 'online', state: 'unauthorized' })).toBe('online_down')
    expect(told({ declared_status: 'offline', state: 'up' })).toBe('offline_up')
    for (const state of ['up', 'busy', 'unknown', 'reachable', 'maintenance'] as const) {
      expect(told({ declared_status: 'online', state })).toBe('')
    }
    expect(told({ declared_status: 'offline', state: 'unauthorized' })).toBe('')
    expect(told({ declared_status: null, state: 'down' })).toBe('')
  })

  it('says nothing of channels that are not counted', () => {
    expect(told({ declared_status: 'online', state: 'down', lifecycle: 'suspended' })).toBe('')
    expect(told({ declared_status: 'online', state: 'down', enabled: false })).toBe('')
  })

  it('keeps what the service measured and forgets its older word on the state', () => {
    expect(told({ declared_status: 'online', state: 'up', differs: ['online_down', 'codec'] })).toBe('codec')
  })

  it('is added up by platform, where a platform declares anything', () => {
    const claims = claimsOf([
      channel({ platform: 'a', declared_status: 'online', state: 'up' }),
      channel({ platform: 'a', declared_status: 'online', state: 'down' }),
      channel({ platform: 'a', declared_status: 'online', state: 'down', enabled: false }),
      channel({ platform: 'b', declared_status: 'offline', state: 'up' }),
      channel({ platform: 'c', state: 'down' }),
    ])
    expect([...claims]).toEqual([
      ['a', { online: 2, unusable: 1 }],
      ['b', { online: 0, unusable: 0 }],
    ])
  })

  it('are compared where anybody declares anything', () => {
    const nothing = { item: 'codec', declared: null, measured: 'h264', differs: null } as const
    expect(isDeclared({ comparison: [nothing] })).toBe(false)
    expect(isDeclared({ comparison: [nothing, { ...nothing, item: 'fps', declared: 25 }] })).toBe(true)
  })
})
