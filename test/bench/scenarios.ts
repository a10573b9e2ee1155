/* What is measured: each scenario is a run that both servers go through, and the figures taken from it. */
import type { Bench } from './bench.js'
import { type DeliveryPlan, type DeliveryResult, runDelivery } from './delivery-run.js'
import { type MemoryResult, runMemory } from './memory-run.js'
import type { BenchOptions } from './options.js'
import type { ServerKind } from './servers.js'

export type ScenarioName = 'fanout' | 'rooms' | 'memory'

export const scenarioNames: readonly ScenarioName[] = ['fanout', 'rooms', 'memory']

export type RunResult = DeliveryResult | MemoryResult

export interface Figure {
  readonly id: string
  readonly title: string
  readonly unit: string
  /** The gateway's figure divided by the raw server's is to be at most this; undefined where there is no goal yet. */
  readonly goal: number | undefined
  of(result: RunResult): number
}

export interface Scenario {
  readonly name: ScenarioName
  readonly title: string
  readonly figures: readonly Figure[]
  /** Bearer tokens it needs. */
  readonly connections: number
  run(bench: Bench, kind: ServerKind): Promise<RunResult>
}

const cpuGoal = 1.3
const memoryGoal = 2

export function scenarioOf(name: ScenarioName, options: BenchOptions): Scenario {
  return { fanout, rooms, memory }[name](options)
}

function scaled(value: number, { scale }: BenchOptions): number {
  return Math.max(1, Math.round(value * scale))
}

function fanout(options: BenchOptions): Scenario {
  const { warmUpMs, measureMs } = options
  const sockets = scaled(1_000, options)
  const plan = { rooms: 1, sockets, eventsPerSecond: scaled(1_000, options), warmUpMs, measureMs }
  const title = `fan-out: 1 room, ${sockets} sockets, ${plan.eventsPerSecond} events/s`
  return delivery(
    'fanout',
    title,
    plan,
    figure('cpu', 'CPU per frame', 'µs', cpuGoal, (run) => run.cpuUsPerFrame),
  )
}

function rooms(options: BenchOptions): Scenario {
  const { warmUpMs, measureMs } = options
  const count = scaled(1_000, options)
  const plan = { rooms: count, sockets: count, eventsPerSecond: scaled(5_000, options), warmUpMs, measureMs }
  const title = `distinct rooms: ${count} rooms with 1 socket each, ${plan.eventsPerSecond} events/s`
  return delivery(
    'rooms',
    title,
    plan,
    figure('cpu', 'CPU per event', 'µs', cpuGoal, (run) => run.cpuUsPerEvent),
  )
}

function delivery(name: 'fanout' | 'rooms', title: string, plan: DeliveryPlan, cpu: Figure): Scenario {
  const figures = [
    cpu,
    figure('p50', 'latency p50', 'ms', undefined, (run) => run.p50Ms),
    figure('p99', 'latency p99', 'ms', undefined, (run) => run.p99Ms),
  ]
  return { name, title, figures, connections: plan.sockets, run: (bench, kind) => runDelivery(bench, kind, plan) }
}

function memory(options: BenchOptions): Scenario {
  const connections = scaled(10_000, options)
  const bytes: Figure = {
    id: 'bytes',
    title: 'memory per idle connection',
    unit: 'bytes',
    goal: memoryGoal,
    of: (result) => (result as MemoryResult).bytesPerConnection,
  }
  return {
    name: 'memory',
    title: `idle connections: ${connections}, each with an identity and one room of its own`,
    figures: [bytes],
    connections,
    run: (bench, kind) => runMemory(bench, kind, { connections }),
  }
}

function figure(
  id: string,
  title: string,
  unit: string,
  goal: number | undefined,
  of: (run: DeliveryResult) => number,
): Figure {
  return { id, title, unit, goal, of: (result) => of(result as DeliveryResult) }
}
