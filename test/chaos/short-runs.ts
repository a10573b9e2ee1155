/* Runs short enough for the tests, whose faults are written down instead of drawn. */
import type { BrokerKind } from './brokers.js'
import type { Replacements } from './launch.js'
import { type RunOptions, type RunResult, runChaos } from './run.js'
import type { Fault, FaultKind } from './schedule.js'

const clients = 40

export interface ShortRun {
  readonly broker: BrokerKind
  readonly schedule: readonly Fault[]
  readonly replacements?: Replacements
}

export function fault(kind: FaultKind, index: number, atMs: number, forMs: number): Fault {
  return { kind, target: kind.slice(kind.indexOf('-') + 1) as Fault['target'], index, atMs, forMs }
}

export function runShort({ broker, schedule, replacements = {} }: ShortRun): Promise<RunResult> {
  const options: RunOptions = {
    seed: 1,
    broker,
    commands: 60 * clients,
    clients,
    clientProcesses: 1,
    rooms: 10,
    gateways: 2,
    apps: 2,
    partitions: 4,
    faults: schedule.length,
    durationMs: 12_000,
    maxPauseMs: 15_000,
    resumeMs: 45_000,
    calmMs: 120_000,
    replacements,
    logFolder: undefined,
    schedule,
    say: () => undefined,
  }
  return runChaos(options)
}
