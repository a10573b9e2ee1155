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
  /** In each round, measured by the mean of the round's bases. */
  readonly ratio: Spread | undefined
  /** In each round, the second base by the first: what a difference of nothing looks like on this machine. */
  readonly noise: Noise | undefined
  readonly goal: Goal | undefined
  readonly verdict: Verdict
  /** Where it is void: why. */
  readonly fault: string | undefined
}

export interface Noise extends Spread {
  /** How far the median of the ratios may be off by chance, as these or those of the base by itself tell, whichever says more; see `noiseOf`. */
  readonly margin: number
}

export interface Comparison {
  readonly name: string
  readonly title: string
  readonly rows: readonly Row[]
  /** In the order in which they were made. */
  readonly runs: readonly RunResult[]
  readonly rounds: number
  /** Whether the servers of a round took turns within one run. */
  readonly inTurns: boolean
  /** What was found out before them. */
  readonly notes: readonly string[]
}

export interface Rounds {
  readonly least: number
  /** Where the noise asks for more. */
  readonly most: number
}

/** Runs that are compared: of the base before the others and after them, and one of each other. */
export interface Round {
  readonly bases: readonly [RunResult, RunResult]
  readonly others: readonly RunResult[]
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
 * Runs the base, the others, the base, the others, …, the base (raw, gateway, raw, gateway, …, raw where there are no peers), or lets raw, gateway and raw
 * take turns within each run, until the noise is small enough and every goal is clearly met or missed, or the most rounds are run.
 */
export async function compare(
  bench: Bench,
  scenario: Scenario,
  { least, most }: Rounds,
  say: (line: string) => void,
): Promise<Comparison> {
  const turns = turnsOf(scenario)
  const notes: string[] = []
  for (const turn of turns) notes.push((await turn.prepare?.(bench, say)) ?? '')
  const width = Math.max(...turns.map(({ name }) => name.length)) + 1
  const runs: RunResult[] = []
  const keep = (turn: Turn, result: RunResult) => {
    runs.push(result)
    say(`  ${turn.name.padEnd(width)} ${describe(scenario, result)}`)
  }
  const runInTurns = scenario.peers === undefined ? scenario.runInTurns : undefined
  const next = runInTurns === undefined ? runByRun(bench, turns, keep) : turnByTurn(bench, runInTurns, turns, keep)
  const rounds: Round[] = []
  const rows = () => rowsOf(scenario, turns, rounds)
  while (rounds.length < least || (rounds.length < most && !isSettled(rows()))) rounds.push(await next())
  const { name, title } = scenario
  const inTurns = runInTurns !== undefined
  return { name, title, rows: rows(), runs, rounds: rounds.length, inTurns, notes: notes.filter(Boolean) }
}

type Keep = (turn: Turn, result: RunResult) => void

/** The last base of a round is the first of the next. */
function runByRun(bench: Bench, [base, ...others]: readonly [Turn, ...Turn[]], keep: Keep): () => Promise<Round> {
  const runOne = async (turn: Turn) => {
    const result = await turn.run(bench)
    keep(turn, result)
    return result
  }
  let before: RunResult | undefined
  return async () => {
    before ??= await runOne(base)
    const ofOthers: RunResult[] = []
    for (const turn of others) ofOthers.push(await runOne(turn))
    const bases = [before, await runOne(base)] as const
    before = bases[1]
    return { bases, others: ofOthers }
  }
}

function turnByTurn(
  bench: Bench,
  runInTurns: NonNullable<Scenario['runInTurns']>,
  [raw, gateway]: readonly Turn[],
  keep: Keep,
): () => Promise<Round> {
  return async () => {
    const results = await runInTurns(bench, ['raw', 'gateway', 'raw'])
    for (const [n, result] of results.entries()) keep(n === 1 ? gateway! : raw!, result)
    return { bases: [results[0]!, results[2]!], others: [results[1]!] }
  }
}

/** Whether more pairs would tell nothing more. */
export function isSettled(rows: readonly Row[]): boolean {
  const judged = rows.filter(({ goal }) => goal !== undefined)
  const margin = judged[0]?.noise?.margin ?? 0
  return margin <= noiseWanted && judged.every(({ verdict }) => verdict !== 'too close to tell')
}

function rowsOf(scenario: Scenario, [base, ...others]: readonly [Turn, ...Turn[]], rounds: readonly Round[]): Row[] {
  return scenario.figures.flatMap((figure) =>
    others.map(({ name, goals }, at) => {
      const pair = { base: base.name, measured: name, at }
      return rowOf(scenario, goals === undefined ? figure : { ...figure, goal: goals[figure.id] }, rounds, pair)
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

/** Which servers are compared: the base, and the `at`-th of the others. */
export interface Pair {
  readonly base: string
  readonly measured: string
  readonly at: number
}

export const rawAndGateway: Pair = { base: 'raw', measured: 'gateway', at: 0 }

/** Only of runs that count; a round in which one of the base or of the other does not is left out. */
export function rowOf(
  scenario: Pick<Scenario, 'name'>,
  figure: Figure,
  rounds: readonly Round[],
  pair: Pair = rawAndGateway,
): Row {
  const { baseline, of, goal } = figure
  const figureOf = (run: RunResult, value = of) => (run.fault === undefined ? value(run) : undefined)
  const others = rounds.map(({ others }) => others[pair.at]!)
  const measured = others.map((run) => figureOf(run))
  const bases =
    baseline === undefined
      ? rounds.map(({ bases: [one, other] }) => meanOf(figureOf(one), figureOf(other)))
      : others.map((run) => figureOf(run, baseline))
  const [before, after] = [0, 1].map((n) => rounds.map(({ bases }) => figureOf(bases[n]!)))
  const ratios = quotients(measured, bases)
  const noise = baseline === undefined ? noiseAmong(quotients(after!, before!), ratios) : undefined
  const baseRuns = [...new Set(rounds.flatMap(({ bases }) => bases))]
  const plus = goal !== undefined && 'plus' in goal ? goal.plus : 0
  const judged = spreadOfAny(quotients(lessened(measured, plus ?? 0), bases))
  const verdict = verdictOf(judged, noise?.margin, goal)
  const faults = [...others, ...baseRuns].flatMap(({ fault }) => fault ?? [])
  return {
    scenario: scenario.name,
    figure: figure.id,
    title: figure.title,
    unit: figure.unit,
    base: { name: pair.base, value: medianOf(baseline === undefined ? baseRuns.map((run) => figureOf(run)) : bases) },
    measured: { name: pair.measured, value: medianOf(measured) },
    ratio: spreadOfAny(ratios),
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

/** Of ratios there is noise only where there are some. */
function noiseAmong(ofNothing: readonly number[], ratios: readonly number[]): Noise | undefined {
  if (ofNothing.length === 0 || ratios.length === 0) return undefined
  const { median } = spreadOf(ratios)
  const around = ratios.map((ratio) => ratio / median)
  return { ...spreadOf(ofNothing), margin: Math.max(noiseOf(ofNothing), noiseOf(around)) }
}

function meanOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? undefined : (one + other) / 2
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
