import type { Channel } from '../src/api'

export function channel(fields: Partial<Channel> = {}): Channel {
  return {
    id: 'c1',
    name: '城关镇河堤01',
    number: 1,
    state: 'up',
    reason: 'ok',
    since: 0,
    level: 'media',
    kind: 'rtsp',
    platform: 'p1',
    department: '公安局',
    area: '城关镇',
    lifecycle: 'accepted',
    enabled: true,
    tags: [],
    pinyin: 'cgzhd01 chengguanzhenhedi01',
    has_sub: true,
    declared_status: null,
    differs: [],
    ...fields,
  }
}

/** Time that moves only when told. */
export class Timers {
  now = 0
  private due: { at: number; task: () => void }[] = []

  after = (milliseconds: number, task: () => void): (() => void) => {
    const timer = { at: this.now + milliseconds, task }
    this.due.push(timer)
    return () => {
      this.due = this.due.filter((other) => other !== timer)
    }
  }

  advance(milliseconds: number): void {
    this.now += milliseconds
    const due = this.due.filter(({ at }) => at <= this.now)
    this.due = this.due.filter(({ at }) => at > this.now)
    for (const { task } of due) task()
  }
}

/** Let promises that are already kept run on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
}
