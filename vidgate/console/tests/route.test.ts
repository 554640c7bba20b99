import { describe, expect, it } from 'vitest'

import { changeLink, channelLink, formatPlace, parsePlace, platformLink } from '../src/route'

describe('parsePlace', () => {
  it('knows the pages', () => {
    expect(parsePlace('')).toEqual({ page: 'live', id: '', query: {} })
    expect(parsePlace('#/live').page).toBe('live')
    expect(parsePlace('#/channels?state=down~busy&q=%E6%B2%B3')).toEqual({
      page: 'channels',
      id: '',
      query: { state: 'down~busy', q: '河' },
    })
    expect(parsePlace('#/channels/43048901001320000003')).toMatchObject({ page: 'channel', id: '43048901001320000003' })
    expect(parsePlace('#/import').page).toBe('import')
    expect(parsePlace('#/report?by=area')).toEqual({ page: 'report', id: '', query: { by: 'area' } })
    expect(parsePlace('#/platforms')).toMatchObject({ page: 'platforms', id: '' })
    expect(parsePlace('#/credentials/nvr%2F1')).toMatchObject({ page: 'credentials', id: 'nvr/1' })
    expect(parsePlace('#/approvals').page).toBe('approvals')
    expect(parsePlace('#/alarms/12')).toMatchObject({ page: 'alarms', id: '12' })
    expect(parsePlace('#/alarms/x')).toMatchObject({ page: 'alarms', id: '' })
    expect(parsePlace('#/changes/7')).toMatchObject({ page: 'change', id: '7' })
  })

  it('takes nonsense for the live page', () => {
    for (const hash of ['#/nonsense', '#', '#//', '#/changes/x', '#/changes', '#/%E0%A4%A']) {
      expect(parsePlace(hash).page, hash).toBe('live')
    }
  })
})

describe('formatPlace', () => {
  it('says what parsePlace reads', () => {
    expect(formatPlace({ page: 'channels', query: { q: '', state: 'up' } })).toBe('#/channels?state=up')
    expect(formatPlace({ page: 'import' })).toBe('#/import')
    expect(parsePlace(channelLink('a/b?c')).id).toBe('a/b?c')
    expect(parsePlace(changeLink(12)).id).toBe('12')
    expect(parsePlace(platformLink('公安/1')).id).toBe('公安/1')
    expect(formatPlace({ page: 'credentials' })).toBe('#/credentials')
  })
})
