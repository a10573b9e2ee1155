/*
 * Four ways in which events can get to the nodes, by what each makes a node read. Only the first is what Roomway does; the others are what
 * one would build when it no longer carries.
 *   all       every node reads everything
 *   interest  a node reads only the partitions that have rooms with members on it
 *   affine    the same, and the load balancer sends the members of a partition's rooms to the same node, mostly
 *   router    a process in between reads everything, and writes to each node's own topic what that node needs
 * An event travels in a record batch with the others of its partition in the same append, and whoever reads the partition reads the batch.
 */
import { partitionShare, recordBatches } from './record-batches.js'

export const ways = ['all', 'interest', 'affine', 'router'] as const
export type Way = (typeof ways)[number]

/** What a deployment is asked to do. */
export interface Deployment {
  readonly connections: number
  /** Above 0. */
  readonly eventsPerSecond: number
  readonly rooms: number
  readonly membersPerRoom: number
  readonly partitions: number
  /** Processes that publish, each one append so often, if it has anything by then; a router does as they do. */
  readonly publishers: number
  readonly appendEveryMs: number
  /** Of `affine`: the nodes that a room's members are on; 1 where the hint always holds. */
  readonly spread: number
}

/** What one node gets to do, per second. */
export interface NodeShare {
  /** Events, and the record batches that they come in. */
  readonly read: number
  readonly batches: number
  /** Those of the events read that have members on the node. */
  readonly shown: number
  readonly frames: number
  /** Partitions that it follows. */
  readonly followed: number
  /** Appends in which there is anything for the node: it need not fetch more often. */
  readonly appends: number
  /** Events that the broker sends, to all nodes and to the router, and their record batches. */
  readonly sent: number
  readonly sentBatches: number
}

/** Those in which there is anything, per second. */
export function appendsOf({ eventsPerSecond, publishers, appendEveryMs }: Deployment): number {
  return Math.min(eventsPerSecond, (publishers * 1_000) / appendEveryMs)
}

/** Of the deployment's publishers, per second. */
export function batchesOf(deployment: Deployment): number {
  const { eventsPerSecond: events, partitions } = deployment
  return recordBatches({ appends: appendsOf(deployment), events, partitions })
}

export function shareOf(way: Way, deployment: Deployment, nodes: number): NodeShare {
  const { eventsPerSecond: all, membersPerRoom, partitions, spread } = deployment
  const interested = way === 'affine' ? Math.min(nodes, spread) : interestedNodes(nodes, membersPerRoom)
  const shown = (all * interested) / nodes
  const frames = (all * membersPerRoom) / nodes
  const followed = followedPartitions(way, deployment, nodes)
  const read = way === 'router' ? shown : Math.max(shown, (all * followed) / partitions)
  const share = { read, shown, frames, followed, ...batchShare(way, deployment, read) }
  const routed = way === 'router' ? { read: all, batches: batchesOf(deployment) } : { read: 0, batches: 0 }
  return { ...share, sent: nodes * read + routed.read, sentBatches: nodes * share.batches + routed.batches }
}

/** A router appends to one partition of each node, and so makes fewer and larger batches than publishers do. */
function batchShare(way: Way, deployment: Deployment, read: number): Pick<NodeShare, 'batches' | 'appends'> {
  if (way === 'router') {
    const appends = appendsOf({ ...deployment, eventsPerSecond: read, publishers: 1 })
    return { appends, batches: appends }
  }
  const batches = (batchesOf(deployment) * read) / deployment.eventsPerSecond
  return { appends: Math.min(appendsOf(deployment), batches), batches }
}

function followedPartitions(way: Way, deployment: Deployment, nodes: number): number {
  const { rooms, membersPerRoom, connections, partitions, spread } = deployment
  if (way === 'all') return partitions
  if (way === 'router') return 1
  if (way === 'affine') return Math.min(partitions, Math.max(1, (partitions * spread) / nodes))
  // Every connection has a room of its own, in which it is answered.
  const here = (rooms * interestedNodes(nodes, membersPerRoom) + connections) / nodes
  return partitions * partitionShare(partitions, here)
}

/** Nodes on which a room has members, where those are spread by chance. */
export function interestedNodes(nodes: number, members: number): number {
  return nodes * (1 - (1 - 1 / nodes) ** members)
}
