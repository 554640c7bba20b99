/** What is declared of a channel beside what is measured; pure. See `vidgate/health/declared.py`. */

import type { Channel, ChannelDetail, ChannelState, Difference } from './api'

/** States that disprove what a platform says; a password that is refused proves no camera. */
const DISPROVED: Record<'online' | 'offline', readonly ChannelState[]> = {
  online: ['down', 'unauthorized'],
  offline: ['up', 'degraded'],
}
const OF_STATUS: readonly Difference[] = ['online_down', 'offline_up']

export const DIFFERENCES: readonly Difference[] = [...OF_STATUS, 'codec', 'resolution', 'fps']

/** In what the two contradict each other now: states change between two readings of the list. */
export function differencesOf(channel: Channel): Difference[] {
  const { declared_status: said, differs, state, lifecycle, enabled } = channel
  const others = differs.filter((one) => !OF_STATUS.includes(one))
  const isDisproved = said !== null && enabled && lifecycle === 'accepted' && DISPROVED[said].includes(state)
  return isDisproved ? [said === 'online' ? 'online_down' : 'offline_up', ...others] : others
}

export interface Claims {
  online: number
  /** Of the channels that are said to be online. */
  unusable: number
}

/** What each platform that declares states says of its counted channels, and how much is disproved. */
export function claimsOf(channels: readonly Channel[]): Map<string, Claims> {
  const claims = new Map<string, Claims>()
  for (const channel of channels) {
    if (channel.declared_status === null || !channel.enabled || channel.lifecycle !== 'accepted') continue
    const one = claims.get(channel.platform) ?? { online: 0, unusable: 0 }
    claims.set(channel.platform, one)
    one.online += Number(channel.declared_status === 'online')
    one.unusable += Number(differencesOf(channel).includes('online_down'))
  }
  return claims
}

/** Whether anybody declares anything that could be compared. */
export const isDeclared = ({ comparison }: Pick<ChannelDetail, 'comparison'>): boolean =>
  comparison.some(({ declared }) => declared !== null)
