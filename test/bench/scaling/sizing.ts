/* The model taken to deployments that were not measured. */
import type { Model } from './model.js'
import { batchesOf, type Deployment, type NodeShare, shareOf, type Way } from './ways.js'

/** Of the one core that a node's events go through, what it is to be given to do at most, fetches apart: they give way to work. */
export const nodeBudget = 0.6
/** Connections that a node is to have at most, so that the others can take those of one that dies. */
export const nodeConnections = 50_000
/** With more than so many it is no longer a deployment that anyone would run: reading alone fills each of them. */
export const mostNodes = 200

/** What one node costs, and all of them their broker. */
export interface NodeCost {
  readonly share: NodeShare
  /** Cores of a node: for events and frames; for reading alone, of those; for fetches, in the time that the work leaves. */
  readonly work: number
  readonly reading: number
  readonly fetching: number
  readonly brokerBytes: number
  readonly brokerCores: number
}

export function costOf(model: Model, way: Way, deployment: Deployment, nodes: number): NodeCost {
  const { gatewayUs, readBytes, brokerUs } = model
  const share = shareOf(way, deployment, nodes)
  const reading = (share.batches * gatewayUs.batch + share.read * gatewayUs.event) / 1e6
  const work = reading + (gatewayUs.second + share.shown * gatewayUs.shown + share.frames * gatewayUs.frame) / 1e6
  const fetches = fetchesOf(model, share, work)
  const readers = nodes + (way === 'router' ? 1 : 0)
  const ofFetches = fetches * (readBytes.fetch + readBytes.partition * share.followed)
  const records = share.sent * readBytes.event + share.sentBatches * readBytes.batch
  const brokerBytes = records + readers * (readBytes.second + ofFetches)
  const ofReaders = readers * fetches * (brokerUs.fetch + brokerUs.partition * share.followed)
  return {
    share,
    work,
    reading,
    fetching: (fetches * (gatewayUs.fetch + gatewayUs.partition * share.followed)) / 1e6,
    brokerBytes,
    brokerCores: (ofReaders + share.sentBatches * brokerUs.sent + (brokerBytes / 1_000) * brokerUs.kB) / 1e6,
  }
}

/** Below it no broker answers. */
const leastFetchMs = 0.2

/** One at a time, and no more than there are appends to answer. */
function fetchesOf({ fetchMs }: Model, { followed, appends }: NodeShare, work: number): number {
  const ms = Math.max(leastFetchMs, fetchMs.fetch + fetchMs.partition * followed)
  return Math.min(appends, (Math.max(0, 1 - work) * 1_000) / ms)
}

/** The least number of nodes that carry the deployment; undefined where no number does. */
export function nodesNeeded(model: Model, way: Way, deployment: Deployment): number | undefined {
  const least = Math.ceil(deployment.connections / nodeConnections)
  for (let nodes = Math.max(1, least); nodes <= mostNodes; nodes++)
    if (costOf(model, way, deployment, nodes).work <= nodeBudget) return nodes
  return undefined
}

/** How far the rates go for which it is asked what another way saves, in events per second. */
export const mostRate = 200_000
const rateStep = 1_000

/** The least rate at which `way` saves one node of five or more against reading everything; undefined where none does. */
export function paysFrom(
  model: Model,
  way: Way,
  deployment: Deployment,
): { readonly eventsPerSecond: number; readonly all: number | undefined; readonly other: number } | undefined {
  for (let eventsPerSecond = rateStep; eventsPerSecond <= mostRate; eventsPerSecond += rateStep) {
    const asked = { ...deployment, eventsPerSecond }
    const all = nodesNeeded(model, 'all', asked) ?? Number.POSITIVE_INFINITY
    const other = nodesNeeded(model, way, asked)
    // Of fewer than five it would be the rounding that pays.
    if (other === undefined || all < 5 || other > 0.8 * all) continue
    return { eventsPerSecond, all: Number.isFinite(all) ? all : undefined, other }
  }
  return undefined
}

/** The most events a second that one more node could still read if it did nothing else, of publishers that append as the deployment's do. */
export function readingLimit({ gatewayUs }: Model, deployment: Deployment): number {
  const reading = (eventsPerSecond: number) =>
    gatewayUs.second +
    batchesOf({ ...deployment, eventsPerSecond }) * gatewayUs.batch +
    eventsPerSecond * gatewayUs.event
  let [least, most] = [0, 1e7]
  while (most - least > 1) {
    const rate = (least + most) / 2
    if (reading(rate) <= nodeBudget * 1e6) least = rate
    else most = rate
  }
  return least
}
