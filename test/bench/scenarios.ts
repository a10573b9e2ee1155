/* What is measured: each scenario is a run that both servers go through, and the figures taken from it. */
import type { Bench } from './bench.js'
import type { BrokerKind } from './brokers.js'
import { type ConnectResult, runConnect } from './connect-run.js'
import { type DeliveryPlan, type DeliveryResult, runDelivery } from './delivery-run.js'
import { type HopPlan, type HopResult, runHop } from './hop-run.js'
import { type MemoryResult, runMemory } from './memory-run.js'
import type { BenchOptions } from './options.js'
import { type ResumePlan, type ResumeResult, runResume } from './resume-run.js'
import type { ServerKind } from './servers.js'

export type RunResult = DeliveryResult | MemoryResult | ConnectResult | HopResult | ResumeResult

/** What the gateway's figure is to be, beside the raw server's: at most so many times as much, and so much more. */
export interface Goal {
  readonly times: number
  readonly plus?: number
}

export interface Figure {
  readonly id: string
  readonly title: string
  readonly unit: string
  /** Undefined where there is none. */
  readonly goal: Goal | undefined
  readonly of: (result: RunResult) => number
  /** What the figure is compared with, of the same run; undefined: with the raw server's. */
  readonly baseline?: (result: RunResult) => number
}

export interface Scenario {
  readonly name: string
  readonly title: string
  readonly figures: readonly Figure[]
  /** Bearer tokens it needs. */
  readonly connections: number
  run(bench: Bench, kind: ServerKind): Promise<RunResult>
}

type MakeScenario = (name: string, options: BenchOptions) => Scenario

const makers: Readonly<Record<string, MakeScenario>> = {
  fanout: fanout('kafka', 1.1),
  'fanout-rabbitmq': fanout('rabbitmq', 1.25),
  'fanout-embedded': fanout('embedded', 1.25),
  rooms: rooms('kafka', 5_000),
  'rooms-15k': rooms('kafka', 15_000),
  'rooms-rabbitmq': rooms('rabbitmq', 5_000),
  'rooms-embedded': rooms('embedded', 5_000),
  memory,
  connect,
  resume,
  backlog,
  publish: hop('app'),
  direct: hop('direct'),
  'tracing-1': tracing(0.01, 1.03),
  'tracing-100': tracing(1, 1.5),
}

export const scenarioNames: readonly string[] = Object.keys(makers)

export function scenarioOf(name: string, options: BenchOptions): Scenario {
  return makers[name]!(name, options)
}

function scaled(value: number, { scale }: BenchOptions): number {
  return Math.max(1, Math.round(value * scale))
}

function fanout(broker: BrokerKind, cpuGoal: number): MakeScenario {
  return (name, options) => {
    const { warmUpMs, measureMs } = options
    const sockets = scaled(1_000, options)
    const plan = { broker, rooms: 1, sockets, eventsPerSecond: scaled(1_000, options), warmUpMs, measureMs }
    const title = `fan-out, ${broker}: 1 room, ${sockets} sockets, ${plan.eventsPerSecond} events/s`
    const cpu = delivered('cpu', 'CPU per frame', 'µs', { times: cpuGoal }, (run) => run.cpuUsPerFrame)
    return delivery(name, title, plan, cpu, undefined)
  }
}

function rooms(broker: BrokerKind, rate: number): MakeScenario {
  return (name, options) => {
    const { warmUpMs, measureMs } = options
    const count = scaled(1_000, options)
    const plan = { broker, rooms: count, sockets: count, eventsPerSecond: scaled(rate, options), warmUpMs, measureMs }
    const title = `distinct rooms, ${broker}: ${count} rooms with 1 socket each, ${plan.eventsPerSecond} events/s`
    const latency = broker === 'kafka' ? { p50: { times: 1, plus: 0.5 }, p99: { times: 1.2 } } : undefined
    return delivery(name, title, plan, cpuPerEvent({ times: 1.25 }), latency)
  }
}

/** The raw server's part is played by a gateway with tracing off. */
function tracing(tracedShare: number, cpuGoal: number): MakeScenario {
  return (name, options) => {
    const { warmUpMs, measureMs } = options
    const count = scaled(1_000, options)
    const rate = scaled(5_000, options)
    const off = { broker: 'kafka' as const, rooms: count, sockets: count, eventsPerSecond: rate, warmUpMs, measureMs }
    return {
      name,
      title: `tracing, ${tracedShare * 100} % of ${rate} events/s sampled; “raw” is the gateway with tracing off`,
      figures: [cpuPerEvent({ times: cpuGoal })],
      connections: count,
      run: (bench, kind) => {
        const env = { OTEL_EXPORTER_OTLP_ENDPOINT: bench.collectorUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }
        return runDelivery(bench, 'gateway', kind === 'raw' ? off : { ...off, tracedShare, env })
      },
    }
  }
}

interface LatencyGoals {
  readonly p50: Goal
  readonly p99: Goal
}

function delivery(
  name: string,
  title: string,
  plan: DeliveryPlan,
  cpu: Figure,
  latency: LatencyGoals | undefined,
): Scenario {
  const figures = [
    cpu,
    delivered('p50', 'latency p50', 'ms', latency?.p50, (run) => run.p50Ms),
    delivered('p99', 'latency p99', 'ms', latency?.p99, (run) => run.p99Ms),
  ]
  return { name, title, figures, connections: plan.sockets, run: (bench, kind) => runDelivery(bench, kind, plan) }
}

const cpuPerEvent = (goal: Goal) => delivered('cpu', 'CPU per event', 'µs', goal, (run) => run.cpuUsPerEvent)

function memory(name: string, options: BenchOptions): Scenario {
  const connections = scaled(10_000, options)
  const goal = { times: 1.6 }
  return {
    name,
    title: `idle connections: ${connections}, each with an identity and one room of its own`,
    figures: [
      figure<MemoryResult>('bytes', 'memory per idle connection', 'bytes', goal, (run) => run.bytesPerConnection),
    ],
    connections,
    run: (bench, kind) => runMemory(bench, kind, { connections }),
  }
}

function connect(name: string, options: BenchOptions): Scenario {
  const connections = scaled(10_000, options)
  return {
    name,
    title: `${connections} clients connect, authenticate by JWT and join`,
    figures: [
      figure<ConnectResult>('elapsed', 'time until all have joined', 'ms', undefined, (run) => run.elapsedMs),
      figure<ConnectResult>(
        'cpu',
        'CPU per client, less one signature check',
        'µs',
        { times: 1.5 },
        (run) => run.cpuUsPerConnection - run.signatureUs,
      ),
    ],
    connections,
    run: (bench, kind) => runConnect(bench, kind, connections),
  }
}

const liveP99: Figure = {
  ...figure<ResumeResult>('live', 'p99 of the others, beside before', 'ms', { times: 2 }, (run) => run.stormP99Ms),
  baseline: (result) => (result as ResumeResult).quietP99Ms,
}

/** The raw server's part is played by clients that connect to a gateway and miss nothing. */
function resume(name: string, options: BenchOptions): Scenario {
  const clients = scaled(10_000, options)
  const plan: ResumePlan = {
    clients,
    rooms: scaled(1_000, options),
    eventsBehind: 100,
    windowBytes: undefined,
    liveSockets: 100,
    liveEventsPerSecond: 500,
  }
  const elapsed = (run: ConnectResult | ResumeResult) => run.elapsedMs
  return {
    name,
    title: `${clients} clients resume, each ${plan.eventsBehind} events behind; “raw” is as many that only connect and join`,
    figures: [figure('elapsed', 'time until all are caught up', 'ms', { times: 2 }, elapsed), liveP99],
    connections: clients,
    run: (bench, kind) => (kind === 'raw' ? runConnect(bench, 'gateway', clients) : runResume(bench, plan)),
  }
}

/** Positions older than the window: the least that a reading of each partition's backlog can be is one. */
function backlog(name: string, options: BenchOptions): Scenario {
  const clients = scaled(2_000, options)
  const plan: ResumePlan = {
    clients,
    rooms: scaled(500, options),
    eventsBehind: 100,
    windowBytes: 4 * 1024 * 1024,
    liveSockets: 100,
    liveEventsPerSecond: 500,
  }
  const scans: Figure = {
    ...figure<ResumeResult>('scans', 'readings of each partition', '', { times: 2 }, (run) => run.scansPerPartition),
    baseline: () => 1,
  }
  const rss: Figure = {
    ...figure<ResumeResult>('rss', 'resident set, beside before', 'MB', undefined, (run) => run.rssMbAfter),
    baseline: (result) => (result as ResumeResult).rssMbBefore,
  }
  return {
    name,
    title: `${clients} clients resume from below the window, ${plan.rooms} rooms, ${plan.eventsBehind} events each`,
    figures: [scans, rss, liveP99],
    connections: clients,
    run: (bench) => runResume(bench, plan),
  }
}

function hop(way: HopPlan['way']): MakeScenario {
  return (name, options) => {
    const plan: HopPlan = { way, publishes: scaled(2_000, options), perSecond: 200 }
    const through = way === 'app' ? 'through the application tier' : 'to a direct room'
    const eventGoal = way === 'app' ? { times: 2, plus: 2 } : { times: 1, plus: 1 }
    const title = `publish ${through}; “raw” is one send and one read by kafkajs`
    return {
      name,
      title,
      figures: [
        figure<HopResult>('ack', 'publish until ack, p50', 'ms', { times: 1, plus: 1 }, (run) => run.ackP50Ms),
        figure<HopResult>('event', 'publish until another’s event, p50', 'ms', eventGoal, (run) => run.eventP50Ms),
      ],
      connections: 2,
      run: (bench, kind) => runHop(bench, kind, plan),
    }
  }
}

function delivered(
  id: string,
  title: string,
  unit: string,
  goal: Goal | undefined,
  of: (run: DeliveryResult) => number,
): Figure {
  return figure<DeliveryResult>(id, title, unit, goal, of)
}

function figure<Result extends RunResult>(
  id: string,
  title: string,
  unit: string,
  goal: Goal | undefined,
  of: (run: Result) => number,
): Figure {
  return { id, title, unit, goal, of: (result) => of(result as Result) }
}
