/** The two trees of channels and how many of each node are online. */

import type { Channel, ChannelState } from './api'

export type Grouping = 'platform' | 'area'

export interface GroupNode {
  id: string
  label: string
  kind: 'group'
  children: TreeNode[]
}

export interface ChannelNode {
  id: string
  label: string
  kind: 'channel'
  channel: Channel
}

export type TreeNode = GroupNode | ChannelNode

/** Where a channel stands for the counts. */
export type Standing = 'online' | 'reachable' | 'faulty' | 'maintenance' | 'other'

export interface Counts {
  total: number
  online: number
  /** Of those online: their sessions are all taken. */
  busy: number
  reachable: number
  faulty: number
  maintenance: number
}

/** Those that should be online, of which a rate is: nobody expects it of what is in maintenance. */
export const dueOf = ({ total, maintenance }: Counts): number => total - maintenance

/** Those that should be online and of which nothing is known yet. */
export const unknownOf = (counts: Counts): number =>
  dueOf(counts) - counts.online - counts.reachable - counts.faulty

/** `up`, `degraded` and `busy` are proved to be there; `reachable` answered but showed no picture. */
export function standingOf(state: ChannelState): Standing {
  switch (state) {
    case 'up':
    case 'degraded':
    case 'busy':
      return 'online'
    case 'reachable':
      return 'reachable'
    case 'down':
    case 'unauthorized':
      return 'faulty'
    case 'maintenance':
      return 'maintenance'
    default:
      return 'other'
  }
}

/** Whether uptime applies: delivered, accepted and switched on. */
export const isCounted = (channel: Channel): boolean =>
  channel.enabled && channel.lifecycle === 'accepted'

/** Planned and retired channels have no picture to watch. */
export const isWatchable = (channel: Channel): boolean =>
  channel.lifecycle !== 'planned' && channel.lifecycle !== 'retired'

const SEPARATOR = '\u001f'

/** The labels of a channel's groups, outermost first. */
export function pathOf(
  channel: Channel,
  by: Grouping,
  platformName: (id: string) => string,
): string[] {
  if (by === 'platform') {
    // Departments outside: a department may have a dozen platforms, a platform has one department.
    return [channel.department, channel.platform ? platformName(channel.platform) : '']
  }
  const parts = channel.area.split(/[/>]/).map((part) => part.trim()).filter(Boolean)
  return parts.length > 0 ? parts : ['']
}

/** Ids of a channel's groups, outermost first; ids of both trees differ by their prefix. */
export function groupIds(path: readonly string[], by: Grouping): string[] {
  return path.map((_, depth) => `${by}${SEPARATOR}${path.slice(0, depth + 1).join(SEPARATOR)}`)
}

export interface BuiltTree {
  roots: GroupNode[]
  /** Channel id -> ids of its groups. */
  groupsOf: Map<string, string[]>
}

export function buildTree(
  channels: Iterable<Channel>,
  by: Grouping,
  platformName: (id: string) => string,
  unnamed: string,
): BuiltTree {
  const roots: GroupNode[] = []
  const groups = new Map<string, GroupNode>()
  const groupsOf = new Map<string, string[]>()
  for (const channel of channels) {
    const path = pathOf(channel, by, platformName)
    const ids = groupIds(path, by)
    let siblings: TreeNode[] = roots as TreeNode[]
    ids.forEach((id, depth) => {
      let group = groups.get(id)
      if (!group) {
        group = { id, label: path[depth] || unnamed, kind: 'group', children: [] }
        groups.set(id, group)
        siblings.push(group)
      }
      siblings = group.children
    })
    siblings.push({ id: channel.id, label: channel.name, kind: 'channel', channel })
    groupsOf.set(channel.id, ids)
  }
  return { roots, groupsOf }
}

const none = (): Counts => ({ total: 0, online: 0, busy: 0, reachable: 0, faulty: 0, maintenance: 0 })

/** Counts per group, kept up to date channel by channel. */
export class Tally {
  readonly all: Counts = none()
  private readonly groups = new Map<string, Counts>()

  of(group: string): Counts {
    let counts = this.groups.get(group)
    if (!counts) this.groups.set(group, (counts = none()))
    return counts
  }

  /** Count a channel in (+1) or out (-1) of its groups, in its present state. */
  count(channel: Channel, groups: readonly string[], by: 1 | -1): void {
    if (!isCounted(channel)) return
    this.add(this.all, channel.state, by)
    for (const group of groups) this.add(this.of(group), channel.state, by)
  }

  private add(counts: Counts, state: ChannelState, by: 1 | -1): void {
    const standing = standingOf(state)
    counts.total += by
    if (state === 'busy') counts.busy += by
    if (standing !== 'other') counts[standing] += by
  }
}

/** Every channel below a node, in order. */
export function channelsUnder(node: TreeNode): Channel[] {
  if (node.kind === 'channel') return [node.channel]
  return node.children.flatMap(channelsUnder)
}
