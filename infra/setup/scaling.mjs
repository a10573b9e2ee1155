/** `npm run scaling`: installs and builds what has changed, then runs test/bench/scaling/main.ts with the same arguments. */
import { requireNode } from './node-version.mjs'

requireNode()
const { setUp } = await import('./set-up.mjs')
const { runNode } = await import('./run.mjs')

await setUp()
const args = ['infra/setup/run-ts.mjs', 'test/bench/scaling/main.ts', ...process.argv.slice(2)]
await runNode(args, { show: true }).catch((error) => process.exit(error.code ?? 1))
