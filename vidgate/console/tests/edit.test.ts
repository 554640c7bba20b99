import { describe, expect, it } from 'vitest'

import type { ChannelDetail } from '../src/api'
import { changedBetween, changesIn, formOf, rebased } from '../src/edit'
import { channel } from './helpers'

const detail = { ...channel({ tags: ['河道', '重点'] }), port: null, url: 'rtsp://10.0.0.1/a' } as unknown as ChannelDetail
const nobody = { username: '', password: '' }

describe('editing a channel', () => {
  it('sends only what was changed', () => {
    const before = formOf(detail)
    expect(before).toMatchObject({ name: '城关镇河堤01', tags: '河道 重点', port: '', enabled: 'true' })
    expect(changesIn(before, { ...before }, nobody)).toEqual({})
    const after = { ...before, name: ' 新名称 ', enabled: 'false', url: '' }
    expect(changesIn(before, after, nobody)).toEqual({ name: '新名称', enabled: false, url: '' })
  })

  it('keeps what was typed on top of what somebody else has changed meanwhile', () => {
    const before = formOf(detail)
    const fresh = { ...before, area: '河东', name: '他名' }
    expect(changedBetween(before, fresh)).toEqual(['name', 'area'])
    const form = rebased(before, { ...before, name: '我名', port: '554' }, fresh)
    expect(form).toMatchObject({ name: '我名', port: '554', area: '河东' })
    expect(changesIn(fresh, form, nobody)).toEqual({ name: '我名', port: '554' })
    expect(rebased(before, before, before)).toEqual(before)
  })

  it('sends a login as it was typed, and none by itself', () => {
    const before = formOf(detail)
    expect(changesIn(before, before, { username: 'admin', password: ' x ' })).toEqual({ username: 'admin', password: ' x ' })
    expect(changesIn(before, before, { username: ' ', password: 'x' })).toEqual({})
  })
})
