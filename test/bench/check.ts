/*
 * Whether the benchmark notices: the gateway beside itself with a busy loop for each event that adds a fifth to its CPU. That must be missed as
 * more than a tenth, and the gateway beside itself as it is must not.
 */
import { repositoryFolder } from '@roomway/testing'
import type { Bench } from './bench.js'
import { compare, describe, type Rounds, type Row, verdictOf } from './comparison.js'
import { UsageError } from './options.js'
import type { Figure, Scenario } from './scenarios/scenario.js'

const added = 0.2
const allowed = { times: 1.1 }

/** Whether it noticed, for one scenario that delivers events. */
export async function notices(
  bench: Bench,
  scenario: Scenario,
  pairs: Rounds,
  say: (line: string) => void,
): Promise<boolean> {
  say(`\n${scenario.title}, beside itself with ${added * 100} % more CPU`)
  const slowDownUs = (await cpuUsPerEvent(bench, scenario, say)) * added
  const slowed = { ...bench.serverOptions, beforeFolder: repositoryFolder(), slowDownUs }
  const cpu = scenario.figures.find(({ id }) => id === 'cpu')!
  const judged: Figure = { ...cpu, goal: allowed }
  const { rows } = await compare({ ...bench, serverOptions: slowed }, { ...scenario, figures: [judged] }, pairs, say)
  return isNoticed(rows[0]!, say)
}

async function cpuUsPerEvent(bench: Bench, scenario: Scenario, say: (line: string) => void): Promise<number> {
  const [result] = (await scenario.runInTurns?.(bench, ['gateway'])) ?? [await scenario.run(bench, 'gateway')]
  if (result === undefined) throw new Error('the first run gave nothing')
  say(`  as it is ${describe(scenario, result)}`)
  if (!('cpuUsPerEvent' in result) || !('frames' in result))
    throw new UsageError(`--check is for scenarios that deliver events, not for ${scenario.name}`)
  if (result.fault !== undefined) throw new Error(`the first run does not count: ${result.fault}`)
  return result.cpuUsPerEvent
}

/** Exported for its test. */
export function isNoticed({ ratio, noise, verdict }: Row, say: (line: string) => void): boolean {
  const ofNothing = verdictOf(noise, noise?.margin, allowed)
  say(
    `  with ${added * 100} % more: ${ratio?.median.toFixed(2)}, ${verdict}; with nothing more: ${noise?.median.toFixed(2)}, ${ofNothing}`,
  )
  return verdict === 'missed' && ofNothing === 'met'
}
