/* Raw and gateway in turn, and what their figures say of each other. */
import type { Bench } from './bench.js'
import type { Figure, Goal, RunResult, Scenario } from './scenarios/scenario.js'
import type { ServerKind } from './servers.js'
import { type Spread, spreadOf } from './statistics.js'

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
  readonly noise: Spread | undefined
  readonly goal: Goal | undefined
  readonly verdict: Verdict
}

export interface Comparison {
  readonly name: string
  readonly title: string
  readonly rows: readonly Row[]
  /** In the order in which they were made. */
  readonly runs: readonly RunResult[]
}

/** Runs raw, gateway, raw, gateway, …, raw. */
export async function compare(
  bench: Bench,
  scenario: Scenario,
  pairs: number,
  say: (line: string) => void,
): Promise<Comparison> {
  const runs: RunResult[] = []
  for (let n = 0; n <= pairs * 2; n++) {
    const kind: ServerKind = n % 2 === 0 ? 'raw' : 'gateway'
    const result = await scenario.run(bench, kind)
    runs.push(result)
    say(`  ${kind.padEnd(8)} ${describe(scenario, result)}`)
  }
  const rows = scenario.figures.map((figure) => rowOf(scenario, figure, runs))
  return { name: scenario.name, title: scenario.title, rows, runs }
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

/** Only of runs that count; a pair with a void run is left out. */
export function rowOf(scenario: Pick<Scenario, 'name'>, figure: Figure, runs: readonly RunResult[]): Row {
  const counting = (isWanted: (n: number) => boolean, of: (result: RunResult) => number) =>
    runs.filter((_, n) => isWanted(n)).map((run) => (run.fault === undefined ? of(run) : undefined))
  const { baseline, of, goal } = figure
  const gateways = counting(isGateway, of)
  const raws = baseline === undefined ? counting(isRaw, of) : counting(isGateway, baseline)
  const ratio = quotients(gateways, raws)
  const noise = baseline === undefined ? quotients(raws.slice(1), raws) : undefined
  const judged = quotients(lessened(gateways, goal?.plus ?? 0), raws)
  return {
    scenario: scenario.name,
    figure: figure.id,
    title: figure.title,
    unit: figure.unit,
    raw: medianOf(raws),
    gateway: medianOf(gateways),
    ratio,
    noise,
    goal,
    verdict: verdictOf(judged, noise, goal?.times),
  }
}

const isRaw = (n: number) => n % 2 === 0
const isGateway = (n: number) => n % 2 === 1

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
export function verdictOf(ratio: Spread | undefined, noise: Spread | undefined, goal: number | undefined): Verdict {
  if (ratio === undefined) return 'void'
  if (goal === undefined) return 'no goal'
  const margin = noise === undefined ? 0 : Math.max(noise.max - 1, 1 - noise.min)
  if (ratio.median * (1 + margin) <= goal) return 'met'
  return ratio.median / (1 + margin) > goal ? 'missed' : 'too close to tell'
}
