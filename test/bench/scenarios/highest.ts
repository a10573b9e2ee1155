/* How much one node sustains. */
import { type HighestPlan, type HighestResult, runHighest } from '../highest-run.js'
import type { BenchOptions } from '../options.js'
import { figure, type Scenario, scaled } from './scenario.js'

const p99LimitMs = 200

export function highest(name: string, options: BenchOptions): Scenario {
  const rooms = scaled(1_000, options)
  const plan: HighestPlan = {
    rooms,
    search: { start: scaled(100_000, options), growth: 1.3, resolution: 0.05, most: scaled(1_000_000, options) },
    p99LimitMs,
    settleMs: 1_000,
    measureMs: 3_000,
  }
  return {
    name,
    title: `the most events/s, kafka: ${rooms} rooms with 1 socket each, p99 below ${p99LimitMs} ms`,
    figures: [
      figure<HighestResult>('rate', 'highest rate', 'events/s', { atLeast: 0.85 }, (run) => run.highest),
      figure<HighestResult>('cpu', 'CPU per event at that rate', 'µs', undefined, (run) => run.cpuUsPerEvent),
      figure<HighestResult>('p99', 'latency p99 at that rate', 'ms', undefined, (run) => run.p99Ms),
    ],
    connections: rooms,
    run: (bench, kind) => runHighest(bench, kind, plan),
  }
}
