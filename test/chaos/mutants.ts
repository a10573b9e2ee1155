import type { Rule } from './checker/violation.js'
import type { SceneName } from './directed/scenes.js'
import type { Replacements } from './launch.js'

export interface Mutant {
  readonly replacements: Replacements
  /** Where it shows for certain. */
  readonly scene: SceneName
  /** As what the checker must find it. */
  readonly breaks: Rule
}

const replacing = (module: string, by: string): Replacements => ({ [module]: `test/chaos/replaced/${by}.ts` })

/** The product with a rule taken out. */
export const mutants = {
  'the seen check': {
    replacements: replacing('libs/records/src/first-outcome.ts', 'no-seen-check'),
    scene: 'a paused owner',
    breaks: 'delivery',
  },
  'the search at takeover': {
    replacements: replacing('libs/records/src/outcome-search.ts', 'no-search'),
    scene: 'a repeat long after',
    breaks: 'effect',
  },
  'the duplicate rule': {
    replacements: replacing('libs/records/src/first-outcome.ts', 'no-duplicate-rule'),
    scene: 'a dying owner',
    breaks: 'answer',
  },
  'order in flight': {
    replacements: replacing('libs/records/src/record-writer.ts', 'several-in-flight'),
    scene: 'a failed append',
    breaks: 'order',
  },
} as const satisfies Readonly<Record<string, Mutant>>
