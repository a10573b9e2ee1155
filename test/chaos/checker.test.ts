import { describe, expect, test } from '@jest/globals'
import { spawnNode } from '@roomway/testing'
import type { Findings } from './checker/check.js'
import type { SceneName } from './directed/scenes.js'
import type { Replacements } from './launch.js'
import { mutants } from './mutants.js'
import { violationLines } from './report.js'

/** Plays a scene in a process of its own, with these modules replaced. */
async function play(scene: SceneName, replacements: Replacements): Promise<Findings> {
  const args = [JSON.stringify(replacements), 'test/chaos/directed/main.ts', scene]
  const process = await spawnNode('test/chaos/launch.ts', { args })
  try {
    const [, json] = await process.line(/^findings (.*)$/, 60_000)
    return JSON.parse(json!) as Findings
  } finally {
    await process.close()
  }
}

describe.each(Object.entries(mutants))('without %s', (_, { scene, replacements, breaks }) => {
  test(`the checker finds a violation (${breaks}) where ${scene} does no harm otherwise`, async () => {
    const [whole, mutant] = await Promise.all([play(scene, {}), play(scene, replacements)])
    expect(violationLines(whole)).toEqual([])
    expect(mutant.violations.map(({ rule }) => rule)).toContain(breaks)
  }, 120_000)
})
