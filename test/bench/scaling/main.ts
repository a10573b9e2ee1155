/* `npm run scaling`: see docs/scaling.md. Exit code 1 where a run did not count, 2 on wrong usage. */
import { parseArgs } from 'node:util'
import type { Bench } from '../bench.js'
import { BenchBrokers } from '../brokers.js'
import { findLoadProgram } from '../load-client.js'
import { runMemory } from '../memory-run.js'
import { commit, machine } from '../report.js'
import { writeTokens } from '../servers.js'
import { type Configuration, configurations, tuningConfigurations, warmUpConfiguration } from './configurations.js'
import { writeDocuments } from './documents.js'
import { type Kept, keep, readKept } from './kept.js'
import { isQuiet } from './quiet.js'
import { type Measured, runConfiguration, type Times } from './scaling-run.js'
import { scalingFigures, tuningFigures } from './tables.js'

const usage = `usage: npm run scaling [-- options]     without options: prints the tables of what was measured last

  --measure      measures (10 minutes; nothing else should be running), keeps the figures in test/bench/scaling/measured.json, prints
                 the tables, and writes them into docs/scaling.md and docs/tuning.md
  --quick        with --measure: short runs (5 minutes), marked as provisional
  --write-docs   writes the tables into the documents
`
const memoryConnections = 5_000
const attempts = 2
const say = (line: string) => console.log(line)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      measure: { type: 'boolean' },
      quick: { type: 'boolean' },
      'write-docs': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) return say(usage)
  if (values.measure) await keep(await measureAll(values.quick ?? false))
  const kept = await readKept()
  say(`${scalingFigures(kept)}\n\n${tuningFigures(kept)}`)
  if (values.measure || values['write-docs']) await writeDocuments(kept)
}

async function measureAll(isQuick: boolean): Promise<Kept> {
  const wasQuiet = await isQuiet()
  if (!wasQuiet) say('The machine is not quiet: the figures are marked as provisional.')
  const times = isQuick ? { warmUpMs: 1_500, measureMs: 3_000 } : { warmUpMs: 3_000, measureMs: 8_000 }
  const tokens = await writeTokens(memoryConnections)
  const brokers = new BenchBrokers()
  const serverOptions = { fromSources: false, profileFolder: undefined, slowDownUs: 0 }
  const loadProgram = await findLoadProgram(say)
  const shared = { brokers, loadProgram, tokensFile: tokens.file, serverOptions, headers: 'foreign' } as const
  const bench: Bench = { ...shared, collectorUrl: '', pin: async () => {} }
  try {
    await runOne(bench, warmUpConfiguration, times)
    const runs = await runEach(bench, configurations, times)
    const tuning = await runEach(bench, tuningConfigurations, times)
    const { bytesPerConnection, fault } = await runMemory(bench, 'gateway', { connections: memoryConnections })
    if (fault !== undefined) throw new Error(fault)
    const origin = { at: new Date().toISOString(), machine: machine(), commit: await commit() }
    await brokers.close()
    const isProvisional = isQuick || !wasQuiet || !(await isQuiet())
    return { ...origin, isProvisional, ...times, bytesPerConnection, runs, tuning }
  } finally {
    await brokers.close()
    await tokens.remove()
  }
}

async function runEach(bench: Bench, all: readonly Configuration[], times: Times): Promise<Measured[]> {
  const runs: Measured[] = []
  for (const configuration of all) runs.push(await runOne(bench, configuration, times))
  return runs
}

/** A run that does not count is made once more. */
async function runOne(bench: Bench, configuration: Configuration, times: Times): Promise<Measured> {
  for (let attempt = 1; ; attempt++) {
    const measured = await runConfiguration(bench, configuration, times)
    const { gatewayCpuMs, brokerCpuMs, cores, fault } = measured
    say(
      `${configuration.name}: ${fault ?? `gateway ${gatewayCpuMs.toFixed(0)} ms/s, broker ${brokerCpuMs.toFixed(0)} ms/s, all ${cores.toFixed(2)} cores`}`,
    )
    if (fault === undefined) return measured
    if (attempt < attempts) continue
    process.exitCode = 1
    return measured
  }
}

main().catch((error: unknown) => {
  const isUsage = (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS') === true
  console.error(isUsage ? `${(error as Error).message}\n\n${usage}` : error)
  process.exit(isUsage ? 2 : 1)
})
