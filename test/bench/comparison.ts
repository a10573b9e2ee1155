/* Servers in turn, and what their figures say of each other. */
import type { Bench } from './bench.js'
import type { Figure, Goal, RunResult, Scenario } from './scenarios/scenario.js'
import { noiseOf, type Spread, spreadOf } from './statistics.js'

export type Verdict = 'met' | 'missed' | 'too close to tell' | 'no goal' | 'void'

/** A server's name, and the median of its runs that count; undefined where none does. */
export interface Measured {
  readonly name: string
  readonly value: number | undefined
}

export interface Row {
  readonly scenario: string
  readonly figure: string
  readonly title: string
  readonly unit: string
  /** What the other is compared with: raw in the gateway's rows, the gateway in a peer's. */
  readonly base: Measured
  readonly measured: Measured
  /** Measured by base, of each round of runs. */
  readonly ratio: Spread | undefined
  /** Base by the base before it: what a difference of nothing looks like on this machine. */
  readonly noise: Noise | undefined
  readonly goal: Goal | undefined
  readonly verdict: Verdict
  /** Where it is void: why. */
  readonly fault: string | undefined
}

export interface Noise extends Spread {
  /** How far the median of as many ratios may be off by chance; see `noiseOf`. */
  readonly margin: number
}

export interface Comparison {
  readonly name: string
  readonly title: string
  readonly rows: readonly Row[]
  /** In the order in which they were made. */
  readonly runs: readonly RunResult[]
  /** How often each had its turn. */
  readonly rounds: number
  /** What was found out before them. */
  readonly notes: readonly string[]
}

export interface Rounds {
  readonly least: number
  /** Where the noise asks for more. */
  readonly most: number
}

/** What raw against raw is to read at most, of the first figure that has a goal. */
export const noiseWanted = 0.03

/** One that takes part in a comparison. */
interface Turn {
  readonly name: string
  readonly goals: Readonly<Record<string, Goal>> | undefined
  prepare?: ((bench: Bench, say: (line: string) => void) => Promise<string>) | undefined
  run(bench: Bench): Promise<RunResult>
}

/** In their order; the first is the base. */
function turnsOf(scenario: Scenario): readonly [Turn, ...Turn[]] {
  const gateway = { name: 'gateway', goals: undefined, run: (bench: Bench) => scenario.run(bench, 'gateway') }
  if (scenario.peers !== undefined) return [gateway, ...scenario.peers.map(forgiving)]
  return [{ name: 'raw', goals: undefined, run: (bench) => scenario.run(bench, 'raw') }, gateway]
}

/** A peer that cannot be had, or fails, does not take the others' figures with it. */
function forgiving(turn: Turn): Turn {
  let unprepared: string | undefined
  return {
    ...turn,
    async prepare(bench, say) {
      try {
        return (await turn.prepare?.(bench, say)) ?? ''
      } catch (error) {
        unprepared = messageOf(error)
        return `${turn.name}: ${unprepared}`
      }
    },
    async run(bench) {
      if (unprepared !== undefined) return { server: turn.name, fault: unprepared }
      return turn.run(bench).catch((error: unknown) => ({ server: turn.name, fault: messageOf(error) }))
    },
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

/**
 * Runs the base, the others, the base, the others, …, the base (raw, gateway, raw, gateway, …, raw where there are no peers), until the noise is small
 * enough and every goal is clearly met or missed, or the most rounds are run.
 */
export async function compare(
  bench: Bench,
  scenario: Scenario,
  rounds: Rounds,
  say: (line: string) => void,
): Promise<Comparison> {
  const turns = turnsOf(scenario)
  const notes: string[] = []
  for (const turn of turns) notes.push((await turn.prepare?.(bench, say)) ?? '')
  const width = Math.max(...turns.map(({ name }) => name.length)) + 1
  const runs: RunResult[] = []
  const runOne = async (turn: Turn) => {
    const result = await turn.run(bench)
    runs.push(result)
    say(`  ${turn.name.padEnd(width)} ${describe(scenario, result)}`)
  }
  const rows = () => rowsOf(scenario, turns, runs)
  const [base, ...others] = turns
  await runOne(base)
  let round = 0
  for (; round < rounds.least || (round < rounds.most && !isSettled(rows())); round++)
    for (const turn of [...others, base]) await runOne(turn)
  const { name, title } = scenario
  return { name, title, rows: rows(), runs, rounds: round, notes: notes.filter(Boolean) }
}

/** Whether more pairs would tell nothing more. */
export function isSettled(rows: readonly Row[]): boolean {
  const judged = rows.filter(({ goal }) => goal !== undefined)
  const margin = judged[0]?.noise?.margin ?? 0
  return margin <= noiseWanted && judged.every(({ verdict }) => verdict !== 'too close to tell')
}

function rowsOf(scenario: Scenario, turns: readonly [Turn, ...Turn[]], runs: readonly RunResult[]): Row[] {
  const [base, ...others] = turns
  return scenario.figures.flatMap((figure) =>
    others.map(({ name, goals }, n) => {
      const pair = { base: base.name, measured: name, at: n + 1, turns: turns.length }
      return rowOf(scenario, goals === undefined ? figure : { ...figure, goal: goals[figure.id] }, runs, pair)
    }),
  )
}

export function describe(scenario: Scenario, result: RunResult): string {
  if (result.fault !== undefined) return `VOID: ${result.fault}`
  const figures = scenario.figures
    .map((figure) => ({ figure, value: figure.of(result) }))
    .filter(({ value }) => Number.isFinite(value))
    .map(({ figure, value }) => `${figure.title} ${value.toPrecision(3)} ${figure.unit}`)
  const load = 'serverLoad' in result ? [loadOf(result)] : 'limit' in result ? [`limited by ${result.limit}`] : []
  return [...figures, ...load].join(', ')
}

function loadOf(result: Extract<RunResult, { serverLoad: number }>): string {
  const { serverLoad, clientLoad, brokerLoad, framesPerSecond } = result
  const cores = `server ${serverLoad.toFixed(2)}, client ${clientLoad.toFixed(2)}, broker ${brokerLoad.toFixed(2)} cores`
  return `${Math.round(framesPerSecond)} frames/s, ${cores}`
}

/** Which of the servers that took turns are compared: the base is the first of each round, the other the `at`-th. */
export interface Pair {
  readonly base: string
  readonly measured: string
  readonly at: number
  readonly turns: number
}

export const rawAndGateway: Pair = { base: 'raw', measured: 'gateway', at: 1, turns: 2 }

/** Only of runs that count; a round with a void run of one of the two is left out. */
export function rowOf(
  scenario: Pick<Scenario, 'name'>,
  figure: Figure,
  runs: readonly RunResult[],
  pair: Pair = rawAndGateway,
): Row {
  const runsAt = (at: number) => runs.filter((_, n) => n % pair.turns === at)
  const counting = (at: number, of: (result: RunResult) => number) =>
    runsAt(at).map((run) => (run.fault === undefined ? of(run) : undefined))
  const { baseline, of, goal } = figure
  const measured = counting(pair.at, of)
  const bases = baseline === undefined ? counting(0, of) : counting(pair.at, baseline)
  const ratio = quotients(measured, bases)
  const noise = baseline === undefined ? noiseAmong(quotients(bases.slice(1), bases)) : undefined
  const plus = goal !== undefined && 'plus' in goal ? goal.plus : 0
  const judged = spreadOfAny(quotients(lessened(measured, plus ?? 0), bases))
  const verdict = verdictOf(judged, noise?.margin, goal)
  const faults = [...runsAt(pair.at), ...runsAt(0)].flatMap(({ fault }) => fault ?? [])
  return {
    scenario: scenario.name,
    figure: figure.id,
    title: figure.title,
    unit: figure.unit,
    base: { name: pair.base, value: medianOf(bases) },
    measured: { name: pair.measured, value: medianOf(measured) },
    ratio: spreadOfAny(ratio),
    noise,
    goal,
    verdict,
    fault: verdict === 'void' ? faults[0] : undefined,
  }
}

function lessened(values: readonly (number | undefined)[], by: number): (number | undefined)[] {
  return values.map((value) => (value === undefined ? undefined : value - by))
}

function quotients(above: readonly (number | undefined)[], below: readonly (number | undefined)[]): number[] {
  return above.flatMap((value, n) => {
    const by = below[n]
    return value === undefined || by === undefined ? [] : [value / by]
  })
}

function spreadOfAny(values: readonly number[]): Spread | undefined {
  return values.length === 0 ? undefined : spreadOf(values)
}

function noiseAmong(ratios: readonly number[]): Noise | undefined {
  return ratios.length === 0 ? undefined : { ...spreadOf(ratios), margin: noiseOf(ratios) }
}

function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : spreadOf(known).median
}

/** A goal counts as met, or missed, only beyond the noise, which is a share of the ratio. */
export function verdictOf(ratio: Spread | undefined, margin: number | undefined, goal: Goal | undefined): Verdict {
  if (ratio === undefined) return 'void'
  if (goal === undefined) return 'no goal'
  const least = ratio.median / (1 + (margin ?? 0))
  const most = ratio.median * (1 + (margin ?? 0))
  if ('atLeast' in goal) {
    if (least >= goal.atLeast) return 'met'
    return most < goal.atLeast ? 'missed' : 'too close to tell'
  }
  if (most <= goal.times) return 'met'
  return least > goal.times ? 'missed' : 'too close to tell'
}
