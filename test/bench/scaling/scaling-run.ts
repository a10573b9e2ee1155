/*
 * One configuration, once: some gateways on one broker, their sockets, and a publisher. CPU, bytes and frames are read at the same two moments under
 * a steady load. At the end each gateway must have read every event, and each socket got every event of its room.
 */
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { placeOf } from '@roomway/protocol'
import { homeOf } from '@roomway/records'
import { eventually, type NodeProcess, randomPrefix, spawnNode } from '@roomway/testing'
import type { Bench } from '../bench.js'
import { LoadClient, type LoadMark } from '../load-client.js'
import { type Own, owning } from '../owning.js'
import { cpuMs, rssBytes } from '../process-usage.js'
import type { FeedReport } from '../programs/event-feed.js'
import { roomName } from '../programs/event-feed.js'
import type { PublisherPlan } from '../programs/publisher.js'
import { type RunningServer, startServer } from '../servers.js'
import type { Configuration } from './configurations.js'
import { type ProcessIo, processIo } from './process-io.js'

export interface Times {
  readonly warmUpMs: number
  readonly measureMs: number
}

/** Per second of the measured time; of a gateway: the mean of the gateways. */
export interface Measured {
  readonly name: string
  /** Why it does not count; undefined where it does. */
  readonly fault?: string
  readonly gatewayCpuMs: number
  /** The least and the most of the gateways. */
  readonly gatewayCpuMsLeast: number
  readonly gatewayCpuMsMost: number
  readonly gatewayReadBytes: number
  readonly gatewayWrittenBytes: number
  readonly gatewayRssBytes: number
  readonly brokerCpuMs: number
  readonly brokerWrittenBytes: number
  /** Of the publisher, as they were answered: what the broker is given to do, not what comes of it. */
  readonly produceRequests: number
  readonly frames: number
  /** Of one frame; 0 where there was none. */
  readonly frameBytes: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** CPU of all processes together, in cores. */
  readonly cores: number
}

const defaultPayloadBytes = 128
const tailMs = 500
const drainMs = 15_000
/** Of all processors, for a run's own processes together: above it they would wait for each other. */
const mostBusyShare = 0.8

export async function runConfiguration(bench: Bench, configuration: Configuration, times: Times): Promise<Measured> {
  return owning(async (own) => {
    const parts = await start(bench, configuration, times, own)
    return await measure(parts, configuration, times)
  })
}

interface Parts {
  readonly brokerPid: number
  readonly publisher: NodeProcess
  readonly gateways: readonly RunningServer[]
  readonly clients: readonly LoadClient[]
}

async function start(bench: Bench, configuration: Configuration, times: Times, own: Own): Promise<Parts> {
  const { address, pid } = await bench.brokers.get('kafka')
  if (address.kind !== 'kafka' || pid === undefined) throw new Error('the broker has no process')
  const { gateways: count, partitions, rooms, sockets, env = {} } = configuration
  const prefix = randomPrefix()
  const plan: PublisherPlan = { ...feedOf(configuration, times), address, prefix, partitions }
  const publisher = own(await spawnNode('test/bench/programs/publisher.ts', { args: [JSON.stringify(plan)] }))
  const log = JSON.parse((await publisher.line(/^ready (.*)$/, 60_000))[1]!)
  const serverPlan = { ...bench.serverOptions, kind: 'gateway', prefix, address, env, log, feed: undefined } as const
  const gateways: RunningServer[] = []
  for (let n = 0; n < count; n++) gateways.push(own(await startServer(serverPlan)))
  const options = { rooms, sampleEvery: 1, tokensFile: bench.tokensFile }
  const clients: LoadClient[] = []
  for (const [n, { target }] of gateways.entries()) {
    if (sockets === 0) continue
    const numbers = roomsOf(configuration, n)
    const place = configuration.isPlaced ? `?place=${placeOf(roomName(numbers[0]!))}` : ''
    const client = new LoadClient(bench.loadProgram, { ...target, path: target.path + place }, { ...options, numbers })
    clients.push(own(client))
    await client.open(configuration.isPlaced ? numbers.length : sockets)
  }
  if (configuration.isPlaced) await untilFollowing(gateways, partitions / count)
  return { brokerPid: pid, publisher, gateways, clients }
}

function feedOf(
  { rooms, eventsPerSecond, payloadBytes = defaultPayloadBytes, appendEveryMs = 1 }: Configuration,
  { warmUpMs, measureMs }: Times,
) {
  const wanted = (eventsPerSecond * (warmUpMs + measureMs + tailMs)) / 1_000
  const events = Math.ceil(wanted / rooms) * rooms
  return { rooms, events, eventsPerSecond, payloadBytes, appendEveryMs, headers: 'foreign', tracedShare: 0 } as const
}

/** Those that a gateway's clients are in: where they are placed, those of its share of the partitions. */
function roomsOf({ rooms, partitions, gateways, isPlaced }: Configuration, gateway: number): number[] {
  const all = Array.from({ length: rooms }, (_, n) => n)
  return isPlaced ? all.filter((n) => homeOf(roomName(n), partitions) % gateways === gateway) : all
}

/** A gateway that was started follows some partition until another is wanted, and some seconds longer. */
async function untilFollowing(gateways: readonly RunningServer[], partitions: number): Promise<void> {
  const isSo = async () =>
    (await Promise.all(gateways.map((gateway) => metricOf(gateway, 'roomway_followed_partitions')))).every(
      (followed) => followed === partitions,
    )
  await eventually(isSo, drainMs, `each gateway to follow ${partitions} partitions`)
}

interface Moment {
  readonly atMs: number
  readonly marks: readonly LoadMark[]
  readonly gateways: readonly (ProcessIo & { readonly cpuMs: number })[]
  readonly broker: ProcessIo & { readonly cpuMs: number }
  readonly publisher: { readonly appends: number; readonly cpuMs: number }
}

async function look({ brokerPid, publisher, gateways, clients }: Parts, which: 1 | 2): Promise<Moment> {
  publisher.signal('SIGUSR2')
  const [, appends] = await publisher.line(new RegExp(`^appends ${which} (\\d+)$`))
  const marks = await Promise.all(clients.map((client) => client.mark()))
  const of = (pid: number) => ({ ...processIo(pid), cpuMs: cpuMs(pid) })
  return {
    atMs: performance.now(),
    marks,
    gateways: gateways.map(({ pid }) => of(pid)),
    broker: of(brokerPid),
    publisher: { appends: Number(appends), cpuMs: cpuMs(publisher.pid) },
  }
}

async function measure(parts: Parts, configuration: Configuration, times: Times): Promise<Measured> {
  const { publisher, gateways, clients } = parts
  const isIdle = configuration.eventsPerSecond === 0
  if (!isIdle) publisher.signal('SIGHUP')
  await delay(times.warmUpMs)
  const first = await look(parts, 1)
  await delay(times.measureMs)
  const second = await look(parts, 2)
  const rss = gateways.map(({ pid }) => rssBytes(pid))
  let fault: string | undefined
  if (!isIdle) {
    const report = JSON.parse((await publisher.line(/^done (.*)$/, 60_000))[1]!) as FeedReport
    fault = await faultOf(parts, configuration, times, report)
  }
  const complaints = clients.map((client) => client.complaints).join('')
  const result = resultOf(configuration, first, second, rss)
  fault ??= busyFault(result.cores, availableParallelism())
  return { ...result, ...(fault !== undefined && { fault: fault + complaints }) }
}

function resultOf({ name }: Configuration, first: Moment, second: Moment, rss: readonly number[]): Measured {
  const seconds = (second.atMs - first.atMs) / 1_000
  const perSecond = (of: (moment: Moment) => number) => (of(second) - of(first)) / seconds
  const count = second.gateways.length
  const mean = (of: (io: Moment['gateways'][number]) => number) =>
    perSecond(({ gateways }) => sum(gateways.map(of))) / count
  const each = second.gateways.map((_, n) => perSecond(({ gateways }) => gateways[n]!.cpuMs))
  const latest = second.marks.map(({ p50Us, p99Us }) => ({ p50Us, p99Us }))
  const gatewayCpuMs = mean((io) => io.cpuMs)
  const brokerCpuMs = perSecond(({ broker }) => broker.cpuMs)
  const frames = perSecond(({ marks }) => sum(marks.map(({ events }) => events)))
  const others = perSecond(({ publisher, marks }) => publisher.cpuMs + sum(marks.map((mark) => mark.cpuMs)))
  return {
    name,
    gatewayCpuMs,
    gatewayCpuMsLeast: Math.min(...each),
    gatewayCpuMsMost: Math.max(...each),
    gatewayReadBytes: mean((io) => io.readBytes),
    gatewayWrittenBytes: mean((io) => io.writtenBytes),
    gatewayRssBytes: sum(rss) / count,
    brokerCpuMs,
    produceRequests: perSecond(({ publisher }) => publisher.appends),
    brokerWrittenBytes: perSecond(({ broker }) => broker.writtenBytes),
    frames: frames / count,
    frameBytes: frames === 0 ? 0 : perSecond(({ marks }) => sum(marks.map(({ bytes }) => bytes))) / frames,
    p50Ms: Math.max(0, ...latest.map(({ p50Us }) => p50Us)) / 1_000,
    p99Ms: Math.max(0, ...latest.map(({ p99Us }) => p99Us)) / 1_000,
    cores: (gatewayCpuMs * count + brokerCpuMs + others) / 1_000,
  }
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Waits until everything has arrived. */
async function faultOf(
  { gateways, clients }: Parts,
  configuration: Configuration,
  times: Times,
  { failedAppends }: FeedReport,
): Promise<string | undefined> {
  if (failedAppends > 0) return `${failedAppends} appends failed`
  const { events } = feedOf(configuration, times)
  const endMs = performance.now() + drainMs
  for (;;) {
    const read = await Promise.all(gateways.map((gateway) => metricOf(gateway, 'roomway_events_total')))
    const marks = await Promise.all(clients.map((client) => client.mark()))
    const shares = gateways.map((_, n) => roomsOf(configuration, n).length)
    const missing = missingOf(events, configuration.rooms, read, marks, shares)
    if (missing === undefined || performance.now() > endMs) return missing
    await delay(50)
  }
}

/** What has not arrived, or twice; undefined where each gateway read each event of the rooms that it follows, and each socket got those of its room. */
export function missingOf(
  events: number,
  rooms: number,
  read: readonly number[],
  marks: readonly Pick<LoadMark, 'leastEvents' | 'mostEvents' | 'closed'>[],
  followedRooms: readonly number[] = read.map(() => rooms),
): string | undefined {
  const perRoom = events / rooms
  if (read.some((count, n) => count !== perRoom * followedRooms[n]!))
    return `of ${events} events the gateways read ${read.join(', ')}`
  const wrong = marks.find((mark) => mark.leastEvents !== perRoom || mark.mostEvents !== perRoom || mark.closed > 0)
  if (wrong === undefined) return undefined
  const { leastEvents, mostEvents, closed } = wrong
  return `each socket should have got ${perRoom} events; they got ${leastEvents} to ${mostEvents}, and ${closed} were closed`
}

/** Undefined where the run left enough of the machine idle that nothing waited long for a processor. */
export function busyFault(cores: number, ofCores: number): string | undefined {
  if (cores <= mostBusyShare * ofCores) return undefined
  return `the run kept ${cores.toFixed(2)} of ${ofCores} cores busy: what waits costs other than what does not`
}

/** By the gateway's own count. */
async function metricOf({ adminPort }: RunningServer, name: string): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(metrics)?.[1])
}
