/*
 * Four ways in which events can get to the nodes, by what each makes a node read. Only the first is what Roomway does; the others are what
 * one would build when it no longer carries.
 *   all       every node reads everything
 *   interest  a node reads only the partitions that have rooms with members on it
 *   affine    the same, and the load balancer sends the members of a partition's rooms to the same node, mostly
 *   router    a process in between reads everything, and writes to each node's own topic what that node needs
 */

export const ways = ['all', 'interest', 'affine', 'router'] as const
export type Way = (typeof ways)[number]

/** What a deployment is asked to do. */
export interface Deployment {
  readonly connections: number
  readonly eventsPerSecond: number
  readonly rooms: number
  readonly membersPerRoom: number
  readonly partitions: number
  /** Of `affine`: the nodes that a room's members are on; 1 where the hint always holds. */
  readonly spread: number
}

/** What one node gets to do, per second. */
export interface NodeShare {
  readonly read: number
  /** Those of the events read that have members on the node. */
  readonly shown: number
  readonly frames: number
  /** Partitions that it follows. */
  readonly followed: number
  /** Events that the broker sends, to all nodes and to the router. */
  readonly sent: number
}

export function shareOf(way: Way, deployment: Deployment, nodes: number): NodeShare {
  const { eventsPerSecond: all, membersPerRoom, partitions, spread } = deployment
  const interested = way === 'affine' ? Math.min(nodes, spread) : interestedNodes(nodes, membersPerRoom)
  const shown = (all * interested) / nodes
  const frames = (all * membersPerRoom) / nodes
  const followed = followedPartitions(way, deployment, nodes)
  const read = way === 'router' ? shown : Math.max(shown, (all * followed) / partitions)
  return { read, shown, frames, followed, sent: nodes * read + (way === 'router' ? all : 0) }
}

function followedPartitions(way: Way, deployment: Deployment, nodes: number): number {
  const { rooms, membersPerRoom, connections, partitions, spread } = deployment
  if (way === 'all') return partitions
  if (way === 'router') return 1
  if (way === 'affine') return Math.min(partitions, Math.max(1, (partitions * spread) / nodes))
  // Every connection has a room of its own, in which it is answered.
  const here = (rooms * interestedNodes(nodes, membersPerRoom) + connections) / nodes
  return partitions * interestShare(partitions, here)
}

/** Nodes on which a room has members, where those are spread by chance. */
export function interestedNodes(nodes: number, members: number): number {
  return nodes * (1 - (1 - 1 / nodes) ** members)
}

/** The share of the partitions in which at least one of so many rooms lies. */
export const interestShare = (partitions: number, rooms: number): number => 1 - (1 - 1 / partitions) ** rooms
