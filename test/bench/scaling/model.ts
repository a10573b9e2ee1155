/*
 * What a node and the broker spend, as a few constants times what they do. A node's tail asks each broker for everything at once, and the broker answers
 * as soon as there is anything: at low rates every append is a fetch of its own, and a fetch names all partitions. What comes is record batches, as they were
 * appended: at low rates each holds one event, at high rates many. So fetches and batches count, and not events alone.
 */
import type { Configuration } from './configurations.js'
import { fitConstants, type Named, predict } from './least-squares.js'
import { recordBatches } from './record-batches.js'
import type { Measured } from './scaling-run.js'

/** A run, and what was asked of it. */
export interface Sample {
  readonly configuration: Configuration
  readonly measured: Measured
}

/** `second`: each second, whatever happens; `fetch`: each of a node; `partition`: each of a fetch; `batch`: each of records; `shown`: each event that has members on the node. */
export interface Model {
  /** ms between two fetches of a node: at all; for each partition; as a share of the ms between two appends. */
  readonly fetchMs: Named<'fetch' | 'partition' | 'append'>
  /** µs of CPU of a gateway. */
  readonly gatewayUs: Named<'second' | 'fetch' | 'partition' | 'batch' | 'event' | 'shown' | 'frame'>
  /** Bytes that a gateway reads. */
  readonly readBytes: Named<'second' | 'fetch' | 'partition' | 'batch' | 'event'>
  /** µs of CPU of the broker; `append`, `batch`, `event`: of publishers; `sent`: each batch that is sent to a node. */
  readonly brokerUs: Named<'second' | 'append' | 'batch' | 'event' | 'fetch' | 'partition' | 'sent' | 'kB'>
}

/** Bytes of a fetch request besides, and for each of, its partitions. */
const requestBytes = 69
const requestPartitionBytes = 33
/** A second, of a tail to which nothing comes: it asks again after half a second. */
const idleFetches = 2

export interface Load {
  /** That a node follows. */
  readonly partitions: number
  /** Appends with anything for the node, the record batches in them that are, and the events in those, per second. */
  readonly appends: number
  readonly batches: number
  readonly events: number
  /** Events per second that have members on the node, and frames to those. */
  readonly shown: number
  readonly frames: number
  /** Nodes on the broker. */
  readonly gateways: number
  /** Of the whole log, where a node follows a part of it. */
  readonly log?: Pick<Load, 'appends' | 'batches' | 'events'>
}

export interface Prediction {
  readonly fetches: number
  readonly gatewayCpuMs: number
  readonly gatewayReadBytes: number
  readonly brokerCpuMs: number
}

/** @param samples those that the constants are to be fitted to. */
export function fitModel(samples: readonly Sample[]): Model {
  const seen = samples.map((sample) => ({ ...sample, load: loadOf(sample), fetches: measuredFetches(sample) }))
  const busy = seen.filter(({ load }) => load.events > 0)
  return {
    fetchMs: fitConstants(busy.map(({ load, fetches }) => ({ features: fetchFeatures(load), value: 1_000 / fetches }))),
    gatewayUs: fitConstants(
      seen.map(({ load, fetches, measured }) => ({
        features: gatewayFeatures(load, fetches),
        value: measured.gatewayCpuMs * 1_000,
      })),
    ),
    readBytes: fitConstants(
      seen.map(({ load, fetches, measured }) => ({
        features: readFeatures(load, fetches),
        value: measured.gatewayReadBytes,
      })),
    ),
    brokerUs: fitConstants(
      seen.map(({ load, fetches, measured }) => ({
        features: brokerFeatures(load, fetches, measured.gatewayReadBytes),
        value: measured.brokerCpuMs * 1_000,
      })),
    ),
  }
}

/** From what a configuration asks for, and how the publisher cut it into appends; nothing else of what was measured. */
export function predictLoad(model: Model, load: Load): Prediction {
  const fetches = predictFetches(model, load)
  const gatewayReadBytes = predict(model.readBytes, readFeatures(load, fetches))
  return {
    fetches,
    gatewayCpuMs: predict(model.gatewayUs, gatewayFeatures(load, fetches)) / 1_000,
    gatewayReadBytes,
    brokerCpuMs: predict(model.brokerUs, brokerFeatures(load, fetches, gatewayReadBytes)) / 1_000,
  }
}

export function loadOf({ configuration, measured }: Sample): Load {
  const { partitions, rooms, sockets, eventsPerSecond: events, gateways } = configuration
  const appends = events === 0 ? 0 : measured.produceRequests
  const log = { appends, batches: recordBatches({ appends, events, partitions }), events }
  return {
    ...partOf(log, followedBy(configuration) / partitions),
    partitions: followedBy(configuration),
    log,
    shown: events * Math.min(1, sockets / rooms),
    frames: events * (sockets / rooms),
    gateways,
  }
}

const followedBy = ({ partitions, gateways, isPlaced }: Configuration): number =>
  isPlaced ? partitions / gateways : partitions

/** What is in some of the partitions. */
function partOf({ appends, batches, events }: Pick<Load, 'appends' | 'batches' | 'events'>, share: number) {
  return { appends: Math.min(appends, batches * share), batches: batches * share, events: events * share }
}

/** By what the gateway wrote to the broker, which is little else where events come. */
export function measuredFetches({ configuration, measured }: Sample): number {
  if (configuration.eventsPerSecond === 0) return idleFetches
  return measured.gatewayWrittenBytes / (requestBytes + requestPartitionBytes * followedBy(configuration))
}

function predictFetches(model: Model, load: Load): number {
  return load.events === 0 ? idleFetches : 1_000 / predict(model.fetchMs, fetchFeatures(load))
}

const fetchFeatures = ({ partitions, appends }: Load) => ({ fetch: 1, partition: partitions, append: 1_000 / appends })

const gatewayFeatures = ({ partitions, batches, events, shown, frames }: Load, fetches: number) => ({
  second: 1,
  fetch: fetches,
  partition: fetches * partitions,
  batch: batches,
  event: events,
  shown,
  frame: frames,
})

const readFeatures = ({ partitions, batches, events }: Load, fetches: number) => ({
  second: 1,
  fetch: fetches,
  partition: fetches * partitions,
  batch: batches,
  event: events,
})

const brokerFeatures = ({ partitions, batches, gateways, log, ...own }: Load, fetches: number, readBytes: number) => ({
  second: 1,
  append: log?.appends ?? own.appends,
  batch: log?.batches ?? batches,
  event: log?.events ?? own.events,
  fetch: fetches * gateways,
  partition: fetches * partitions * gateways,
  sent: batches * gateways,
  kB: (readBytes * gateways) / 1_000,
})
