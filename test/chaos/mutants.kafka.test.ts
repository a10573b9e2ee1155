import { expect, test } from '@jest/globals'
import type { Rule } from './checker/violation.js'
import { type Mutant, mutants } from './mutants.js'
import type { Fault } from './schedule.js'
import { fault, runShort } from './short-runs.js'

/** What the checker found in a run of which it is certain that the rule is needed. */
async function rulesBroken({ replacements }: Mutant, ...schedule: Fault[]): Promise<Rule[]> {
  const { violations } = await runShort({ broker: 'kafka', schedule, replacements })
  return violations.map(({ rule }) => rule)
}

test('on Kafka, without the seen check, an app that stood still before an append is found out', async () => {
  const broken = await rulesBroken(mutants['the seen check'], { ...fault('stall-app', 0, 2_000, 0), until: 'decided' })
  // Which of the two it is depends on what the second owner decided.
  expect(broken.filter((rule) => rule === 'delivery' || rule === 'effect')).not.toEqual([])
}, 300_000)
