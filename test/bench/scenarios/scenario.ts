/* What a scenario is: a run that both servers go through, and the figures taken from it. */
import type { Bench } from '../bench.js'
import type { ConnectResult } from '../connect-run.js'
import type { DeliveryResult } from '../delivery-result.js'
import type { HighestResult } from '../highest-run.js'
import type { HopResult } from '../hop-run.js'
import type { MemoryResult } from '../memory-run.js'
import type { BenchOptions } from '../options.js'
import type { RecoveryResult } from '../peers/recovery-run.js'
import type { ResumeResult } from '../resume-run.js'
import type { ServerKind } from '../servers.js'

/** A run that gave no figures: its server could not be started. */
export interface VoidResult {
  readonly server: string
  readonly fault: string
}

export type RunResult =
  | DeliveryResult
  | MemoryResult
  | ConnectResult
  | HopResult
  | ResumeResult
  | RecoveryResult
  | HighestResult
  | VoidResult

/**
 * What a figure is to be, beside that which it is compared with: at most so many times as much, and so much more (the gateway's beside the
 * raw server's); or at least so many times as much (a peer's beside the gateway's).
 */
export type Goal = { readonly times: number; readonly plus?: number } | { readonly atLeast: number }

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
  /** Where they are not those that the options give. */
  readonly times?: Pick<BenchOptions, 'warmUpMs' | 'measureMs'>
  run(bench: Bench, kind: ServerKind): Promise<RunResult>
  /** Where servers can take turns within one run: all of them, in that order. Undefined: each has runs of its own. */
  runInTurns?(bench: Bench, kinds: readonly ServerKind[]): Promise<RunResult[]>
  /** Others that take turns with the gateway, in place of the raw server: each is compared with the gateway. */
  readonly peers?: readonly PeerTurn[]
}

/** A peer's part in a scenario. */
export interface PeerTurn {
  readonly name: string
  /** By figure. */
  readonly goals: Readonly<Record<string, Goal>>
  /** What must be found out before the first run; what it tells is kept with the figures. */
  prepare?(bench: Bench, say: (line: string) => void): Promise<string>
  run(bench: Bench): Promise<RunResult>
}

export type MakeScenario = (name: string, options: BenchOptions) => Scenario

/** By `--scale`. */
export function scaled(value: number, { scale }: BenchOptions): number {
  return Math.max(1, Math.round(value * scale))
}

export function figure<Result extends RunResult>(
  id: string,
  title: string,
  unit: string,
  goal: Goal | undefined,
  of: (run: Result) => number,
): Figure {
  return { id, title, unit, goal, of: (result) => of(result as Result) }
}
