/** `npm run bench`: installs and builds what has changed, then runs test/bench/main.ts with the same arguments. */
import { requireNode } from './node-version.mjs'

requireNode()
const { installDependencies } = await import('./dependencies.mjs')
const { build } = await import('./build.mjs')
const { setUp } = await import('./set-up.mjs')
const { ROOT, runNode } = await import('./run.mjs')

await setUp(async () => {
  await installDependencies(() => console.log('Installing dependencies (once) …'))
  await build()
})
const args = ['infra/setup/run-ts.mjs', `${ROOT}test/bench/main.ts`, ...process.argv.slice(2)]
await runNode(args, { show: true }).catch((error) => process.exit(error.code ?? 1))
