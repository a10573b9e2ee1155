/* `npm run chaos`: see docs/chaos.md. Exit code 1 where a rule was broken, 2 on wrong usage. */
import { readOptions, UsageError, usage } from './options.js'
import { reportOf } from './report.js'
import { runChaos } from './run.js'

const say = (line: string) => console.log(line)

async function main(): Promise<void> {
  const { help, brokers, run } = readOptions(process.argv.slice(2))
  if (help) return say(usage)
  for (const broker of brokers) {
    const options = { ...run, broker, say }
    const result = await runChaos(options)
    say(`\n${reportOf(options, result)}\n`)
    if (result.violations.length === 0) continue
    say(`The same schedule again: npm run chaos -- --broker ${broker} --seed ${run.seed}`)
    process.exitCode = 1
  }
}

main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError
  console.error(isUsage ? `${error.message}\n\n${usage}` : error)
  process.exit(isUsage ? 2 : 1)
})
