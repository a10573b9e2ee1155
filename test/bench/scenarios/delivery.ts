/* Events from a broker to sockets: to one room, and to many. */
import type { Bench } from '../bench.js'
import type { BrokerKind } from '../brokers.js'
import type { DeliveryResult } from '../delivery-result.js'
import { type DeliveryPlan, runDelivery } from '../delivery-run.js'
import { runInTurns, type Server } from '../delivery-turns.js'
import type { ServerKind } from '../servers.js'
import { type Figure, figure, type Goal, type MakeScenario, type Scenario, scaled } from './scenario.js'

export function fanout(broker: BrokerKind, rate: number, cpuGoal: number): MakeScenario {
  return (name, options) => {
    const { warmUpMs, measureMs } = options
    const sockets = scaled(1_000, options)
    const plan = { broker, rooms: 1, sockets, eventsPerSecond: scaled(rate, options), warmUpMs, measureMs }
    const title = `fan-out, ${broker}: 1 room, ${sockets} sockets, ${plan.eventsPerSecond} events/s`
    const cpu = delivered('cpu', 'CPU per frame', 'µs', { times: cpuGoal }, (run) => run.cpuUsPerFrame)
    return delivery(name, title, plan, cpu, undefined)
  }
}

export function rooms(broker: BrokerKind, rate: number): MakeScenario {
  return (name, options) => {
    const { warmUpMs, measureMs } = options
    const count = scaled(1_000, options)
    const plan = { broker, rooms: count, sockets: count, eventsPerSecond: scaled(rate, options), warmUpMs, measureMs }
    const title = `distinct rooms, ${broker}: ${count} rooms with 1 socket each, ${plan.eventsPerSecond} events/s`
    const latency = broker === 'kafka' ? { p50: { times: 1, plus: 0.5 }, p99: { times: 1.2 } } : undefined
    return delivery(name, title, plan, cpuPerEvent({ times: 1.25 }), latency)
  }
}

/**
 * Where few spans are made they are sent every 5 s: twice in the warm-up, which loads and compiles what later times have, and three times at least in
 * the measured time.
 */
const withSpans = { warmUpMs: 12_000, measureMs: 15_000 }

/** The raw server's part is played by a gateway with tracing off. */
export function tracing(tracedShare: number, cpuGoal: number): MakeScenario {
  return (name, options) => {
    const times = {
      warmUpMs: Math.max(withSpans.warmUpMs, options.warmUpMs),
      measureMs: Math.max(withSpans.measureMs, options.measureMs),
    }
    const count = scaled(1_000, options)
    const rate = scaled(5_000, options)
    const off = { broker: 'kafka' as const, rooms: count, sockets: count, eventsPerSecond: rate, ...times }
    const serverOf = ({ collectorUrl }: Bench, kind: ServerKind): Server => {
      const env = { OTEL_EXPORTER_OTLP_ENDPOINT: collectorUrl, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }
      return { kind: 'gateway', plan: kind === 'raw' ? off : { ...off, tracedShare, env } }
    }
    return {
      name,
      title: `tracing, ${tracedShare * 100} % of ${rate} events/s sampled; “raw” is the gateway with tracing off`,
      figures: [cpuPerEvent({ times: cpuGoal })],
      connections: count,
      times,
      run: (bench, kind) => runDelivery(bench, 'gateway', serverOf(bench, kind).plan),
      runInTurns: (bench, kinds) => {
        // Each has a part of the time, and is there all the time.
        const warmUpMs = times.warmUpMs / kinds.length
        const warmed = ({ kind, plan }: Server) => ({ kind, plan: { ...plan, warmUpMs } })
        return runInTurns(
          bench,
          kinds.map((kind) => warmed(serverOf(bench, kind))),
          'cycles',
        )
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
  const alone = {
    name,
    title,
    figures,
    connections: plan.sockets,
    run: (bench: Bench, kind: ServerKind) => runDelivery(bench, kind, plan),
  }
  // Goals of latency are those of a steady stream.
  if (latency !== undefined) return alone
  return {
    ...alone,
    runInTurns: (bench, kinds) =>
      runInTurns(
        bench,
        kinds.map((kind) => ({ kind, plan })),
      ),
  }
}

const cpuPerEvent = (goal: Goal) => delivered('cpu', 'CPU per event', 'µs', goal, (run) => run.cpuUsPerEvent)

function delivered(
  id: string,
  title: string,
  unit: string,
  goal: Goal | undefined,
  of: (run: DeliveryResult) => number,
): Figure {
  return figure<DeliveryResult>(id, title, unit, goal, of)
}
