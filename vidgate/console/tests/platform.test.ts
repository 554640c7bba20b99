import { describe, expect, it } from 'vitest'

import type { Platform } from '../src/api'
import { changesIn, formOf } from '../src/platform'

const PLATFORM: Platform = {
  id: 'fire',
  name: '应急',
  slots: 16,
  describe_parallel: 4,
  quota: 0,
  describe_proves: false,
  resolver: 'http',
  options: { endpoint: 'https://10.0.0.1/play/{id}', path: 'data.url', auth: 'basic' },
  channels: 3,
  delivered: 2,
  delivery_rate: null,
  demand: null,
  lifecycles: { accepted: 2, planned: 1 },
}

describe('a platform as a form', () => {
  it('changes nothing when nothing was typed', () => {
    expect(changesIn(formOf(PLATFORM), formOf(PLATFORM))).toEqual({})
    expect(formOf(PLATFORM).quota).toBe('')
  })

  it('sends the fields that differ only, and clears what was emptied', () => {
    const form = { ...formOf(PLATFORM), quota: ' 244 ', slots: '', describe_parallel: 'four', options: { ...PLATFORM.options, path: '', body: 'x' } }
    expect(changesIn(formOf(PLATFORM), form)).toEqual({
      quota: 244,
      slots: null,
      describe_parallel: 'four',
      options: { path: null, body: 'x' },
    })
  })

  it('sends what its way of finding addresses is told, and nothing of the others', () => {
    const form = formOf(PLATFORM)
    form.resolver = 'template'
    form.options['main'] = 'rtsp://10.0.0.1/{gb_code}'
    form.options['endpoint'] = 'changed but of another way'
    expect(changesIn(formOf(PLATFORM), form)).toEqual({
      resolver: 'template',
      options: { main: 'rtsp://10.0.0.1/{gb_code}' },
    })
  })

  it('begins empty for a new one', () => {
    const form = formOf(null)
    form.name = '校园'
    expect(changesIn(formOf(null), form)).toEqual({ name: '校园' })
  })
})
