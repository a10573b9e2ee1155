/* Plays one scene, named by the first argument, and prints what the checker finds. Under `launch.ts`, so that a rule can be taken out of the product. */
import type { Findings } from '../checker/check.js'
import { type SceneName, scenes } from './scenes.js'

const findings: Findings = await scenes[process.argv[2] as SceneName]()
console.log(`findings ${JSON.stringify(findings)}`)
process.exit(0)
