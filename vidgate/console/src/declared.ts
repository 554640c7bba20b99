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

/** Whether anybody declares anything that could be compared. */
export const isDeclared = ({ comparison }: Pick<ChannelDetail, 'comparison'>): boolean =>
  comparison.some(({ declared }) => declared !== null)
