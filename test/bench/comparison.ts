/* Raw and gateway in turn, and what their figures say of each other. */
import type { Bench } from './bench.js'
import type { Figure, Goal, RunResult, Scenario } from './scenarios/scenario.js'
import type { ServerKind } from './servers.js'
import { noiseOf, type Spread, spreadOf } from './statistics.js'

export type Verdict = 'met' | 'missed' | 'too close to tell' | 'no goal' | 'void'

export interface Row {
  readonly scenario: string
  readonly figure: string
  readonly title: string
  readonly unit: string
  readonly raw: number | undefined
  readonly gateway: number | undefined
  /** Gateway by raw, of each pair of runs. */
  readonly ratio: Spread | undefined
  /** Raw by the raw before it: what a difference of nothing looks like on this machine. */
  readonly noise: Noise | undefined
  readonly goal: Goal | undefined
  readonly verdict: Verdict
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
}

export interface Pairs {
  readonly least: number
  /** Where the noise asks for more. */
  readonly most: number
}

/** What raw against raw is to read at most, of the first figure that has a goal. */
export const noiseWanted = 0.03

/** Runs raw, gateway, raw, gateway, …, raw: until the noise is small enough and every goal is clearly met or missed, or the most pairs are run. */
export async function compare(
  bench: Bench,
  scenario: Scenario,
  pairs: Pairs,
  say: (line: string) => void,
): Promise<Comparison> {
  const runs: RunResult[] = []
  const runOne = async () => {
    const kind: ServerKind = runs.length % 2 === 0 ? 'raw' : 'gateway'
    const result = await scenario.run(bench, kind)
    runs.push(result)
    say(`  ${kind.padEnd(8)} ${describe(scenario, result)}`)
  }
  const rows = () => scenario.figures.map((figure) => rowOf(scenario, figure, runs))
  await runOne()
  for (let pair = 0; pair < pairs.least || (pair < pairs.most && !isSettled(rows())); pair++) {
    await runOne()
    await runOne()
  }
  return { name: scenario.name, title: scenario.title, rows: rows(), runs }
}

/** Whether more pairs would tell nothing more. */
export function isSettled(rows: readonly Row[]): boolean {
  const judged = rows.filter(({ goal }) => goal !== undefined)
  const margin = judged[0]?.noise?.margin ?? 0
  return margin <= noiseWanted && judged.every(({ verdict }) => verdict !== 'too close to tell')
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

/** Only of runs that count; a pair with a void run is left out. */
export function rowOf(scenario: Pick<Scenario, 'name'>, figure: Figure, runs: readonly RunResult[]): Row {
  const counting = (isWanted: (n: number) => boolean, of: (result: RunResult) => number) =>
    runs.filter((_, n) => isWanted(n)).map((run) => (run.fault === undefined ? of(run) : undefined))
  const { baseline, of, goal } = figure
  const gateways = counting(isGateway, of)
  const raws = baseline === undefined ? counting(isRaw, of) : counting(isGateway, baseline)
  const ratio = quotients(gateways, raws)
  const noise = baseline === undefined ? noiseAmong(quotients(raws.slice(1), raws)) : undefined
  const plus = goal !== undefined && 'plus' in goal ? goal.plus : undefined
  const judged = spreadOfAny(quotients(lessened(gateways, plus ?? 0), raws))
  return {
    scenario: scenario.name,
    figure: figure.id,
    title: figure.title,
    unit: figure.unit,
    raw: medianOf(raws),
    gateway: medianOf(gateways),
    ratio: spreadOfAny(ratio),
    noise,
    goal,
    verdict: verdictOf(judged, noise?.margin, goal),
  }
}

const isRaw = (n: number) => n % 2 === 0
const isGateway = (n: number) => n % 2 === 1

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
