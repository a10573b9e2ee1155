/* Servers in turn, and what their figures say of each other. */
import type { Bench } from './bench.js'
import type { Figure, Goal, RunResult, Scenario } from './scenarios/scenario.js'
import { type Spread, spreadOf } from './statistics.js'

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
  readonly noise: Spread | undefined
  readonly goal: Goal | undefined
  readonly verdict: Verdict
  /** Where it is void: why. */
  readonly fault: string | undefined
}

export interface Comparison {
  readonly name: string
  readonly title: string
  readonly rows: readonly Row[]
  /** In the order in which they were made. */
  readonly runs: readonly RunResult[]
  /** What was found out before them. */
  readonly notes: readonly string[]
}

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

/** Runs the base, the others, the base, the others, …, the base: raw, gateway, raw, gateway, …, raw where there are no peers. */
export async function compare(
  bench: Bench,
  scenario: Scenario,
  rounds: number,
  say: (line: string) => void,
): Promise<Comparison> {
  const turns = turnsOf(scenario)
  const notes: string[] = []
  for (const turn of turns) notes.push((await turn.prepare?.(bench, say)) ?? '')
  const width = Math.max(...turns.map(({ name }) => name.length)) + 1
  const runs: RunResult[] = []
  for (let n = 0; n <= rounds * turns.length; n++) {
    const turn = turns[n % turns.length]!
    const result = await turn.run(bench)
    runs.push(result)
    say(`  ${turn.name.padEnd(width)} ${describe(scenario, result)}`)
  }
  return {
    name: scenario.name,
    title: scenario.title,
    rows: rowsOf(scenario, turns, runs),
    runs,
    notes: notes.filter(Boolean),
  }
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
  const load = 'serverLoad' in result ? [loadOf(result)] : []
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
  const noise = baseline === undefined ? quotients(bases.slice(1), bases) : undefined
  const plus = goal !== undefined && 'plus' in goal ? goal.plus : 0
  const verdict = verdictOf(quotients(lessened(measured, plus ?? 0), bases), noise, goal)
  const faults = [...runsAt(pair.at), ...runsAt(0)].flatMap(({ fault }) => fault ?? [])
  return {
    scenario: scenario.name,
    figure: figure.id,
    title: figure.title,
    unit: figure.unit,
    base: { name: pair.base, value: medianOf(bases) },
    measured: { name: pair.measured, value: medianOf(measured) },
    ratio,
    noise,
    goal,
    verdict,
    fault: verdict === 'void' ? faults[0] : undefined,
  }
}

function lessened(values: readonly (number | undefined)[], by: number): (number | undefined)[] {
  return values.map((value) => (value === undefined ? undefined : value - by))
}

function quotients(above: readonly (number | undefined)[], below: readonly (number | undefined)[]): Spread | undefined {
  const all = above.flatMap((value, n) => {
    const by = below[n]
    return value === undefined || by === undefined ? [] : [value / by]
  })
  return all.length === 0 ? undefined : spreadOf(all)
}

function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : spreadOf(known).median
}

/** A goal counts as met, or missed, only beyond the noise. */
export function verdictOf(ratio: Spread | undefined, noise: Spread | undefined, goal: Goal | undefined): Verdict {
  if (ratio === undefined) return 'void'
  if (goal === undefined) return 'no goal'
  const margin = noise === undefined ? 0 : Math.max(noise.max - 1, 1 - noise.min)
  const most = ratio.median * (1 + margin)
  const least = ratio.median / (1 + margin)
  const [isMet, isMissed] =
    'atLeast' in goal ? [least >= goal.atLeast, most < goal.atLeast] : [most <= goal.times, least > goal.times]
  if (isMet) return 'met'
  return isMissed ? 'missed' : 'too close to tell'
}
