/* `npm run bench`: see docs/benchmarks.md. Exit code 1 where a figure could not be had, 2 on wrong usage. */
import { basename, dirname, join } from 'node:path'
import { findProgram } from '@roomway/testing'
import type { Bench } from './bench.js'
import { BenchBrokers } from './brokers.js'
import { notices } from './check.js'
import { startCollector } from './collector.js'
import { compare, type Row } from './comparison.js'
import { pinTo } from './delivery-run.js'
import { publish, writeDocuments } from './documents.js'
import { findLoadProgram } from './load-client.js'
import { type BenchOptions, readOptions, UsageError, usage } from './options.js'
import { openFilesLimit } from './process-usage.js'
import { profileServer } from './profile.js'
import { keepResult, measurementOf, readResults } from './report.js'
import { scenarioOf } from './scenarios/index.js'
import type { Scenario } from './scenarios/scenario.js'
import { writeTokens } from './servers.js'
import { keepSoak, measureSoak, soakPlan } from './soak.js'
import type { SoakPlan } from './soak-run.js'
import { soakTable, tableOf } from './tables.js'

const say = (line: string) => console.log(line)
/** Files that a process opens besides its sockets. */
const spareFiles = 200
const cpuOf = { server: 0, load: 1 }

async function main(): Promise<void> {
  const options = await readOptions(process.argv.slice(2))
  if (options.help) return say(usage)
  if (options.plots) return writeDocuments()
  const scenarios = options.names.map((name) => besideBefore(scenarioOf(name, options), options))
  const { soak, resultsFile } = options
  const plan = soak === undefined ? undefined : soakPlan(soak, await readResults(resultsFile), options.scale)
  if (scenarios.length > 0 || plan !== undefined) await runAll(scenarios, plan, options)
  if (options.writeDocs) await publish(resultsFile, soakFileOf(options))
}

const soakFileOf = ({ resultsFile }: BenchOptions) => join(dirname(resultsFile), 'soak.json')

/** Goals are about what is raw: beside another gateway there are none. */
function besideBefore(scenario: Scenario, { beforeFolder }: BenchOptions): Scenario {
  if (beforeFolder === undefined) return scenario
  const figures = scenario.figures.map((figure) => ({ ...figure, goal: undefined }))
  return { ...scenario, title: `${scenario.title}; “raw” is the gateway of ${basename(beforeFolder)}`, figures }
}

async function runAll(
  scenarios: readonly Scenario[],
  soak: SoakPlan | undefined,
  options: BenchOptions,
): Promise<void> {
  const soakConnections = soak === undefined ? 0 : soak.rooms + soak.churners
  const connections = Math.max(soakConnections, ...scenarios.map((scenario) => scenario.connections))
  checkLimits(connections)
  const loadProgram = await findLoadProgram(say)
  const tokens = await writeTokens(connections)
  const brokers = new BenchBrokers()
  const collector = await startCollector()
  try {
    const bench: Bench = {
      brokers,
      loadProgram,
      tokensFile: tokens.file,
      headers: options.headers,
      serverOptions: {
        fromSources: options.fromSources,
        profileFolder: undefined,
        slowDownUs: options.slowDownUs,
        beforeFolder: options.beforeFolder,
      },
      collectorUrl: collector.url,
      pin: async (role, pid) => (options.pinned ? pinTo(cpuOf[role], pid) : undefined),
    }
    if (options.check) await check(bench, scenarios, options)
    else if (options.profile) for (const scenario of scenarios) await profile(bench, scenario, options)
    else await measure(bench, scenarios, options)
    if (soak !== undefined) await soakFor(bench, soak, options)
  } finally {
    await brokers.close()
    await collector.close()
    await tokens.remove()
  }
}

function checkLimits(connections: number): void {
  if (process.platform !== 'linux') throw new UsageError('the benchmarks read /proc, and so run on Linux only')
  const limit = openFilesLimit()
  if (limit < connections + spareFiles) {
    const remedy = 'raise it (ulimit -n), or run with a smaller --scale'
    throw new UsageError(`${connections} connections need more open files than the limit of ${limit}: ${remedy}`)
  }
  if (process.argv.includes('--pin') && findProgram('taskset') === undefined)
    throw new UsageError('--pin needs taskset: apt-get install util-linux')
}

async function profile(bench: Bench, scenario: Scenario, { flame }: BenchOptions): Promise<void> {
  say(`\n${scenario.title}`)
  await profileServer(bench, scenario, 'raw', { say, flame })
  await profileServer(bench, scenario, 'gateway', { say, flame })
}

async function check(bench: Bench, scenarios: readonly Scenario[], options: BenchOptions): Promise<void> {
  const pairs = { least: options.pairs, most: options.maxPairs }
  for (const scenario of scenarios) {
    if (await notices(bench, scenario, pairs, say)) continue
    console.error(`${scenario.name}: the benchmark did not tell a gateway that is slower from one that is not`)
    process.exitCode = 1
  }
}

async function soakFor(bench: Bench, plan: SoakPlan, options: BenchOptions): Promise<void> {
  const soak = await measureSoak(bench, plan, say)
  await keepSoak(soakFileOf(options), soak)
  say(`\n${soakTable(soak)}\n\nAll samples: ${soakFileOf(options)}`)
}

/** A scenario that fails does not take the others' figures with it. */
async function measure(bench: Bench, scenarios: readonly Scenario[], options: BenchOptions): Promise<void> {
  const rows: Row[] = []
  for (const scenario of scenarios) {
    say(`\n${scenario.title}`)
    try {
      const comparison = await compare(bench, scenario, { least: options.pairs, most: options.maxPairs }, say)
      await keepResult(options.resultsFile, await measurementOf(comparison, { ...options, ...scenario.times }))
      rows.push(...comparison.rows)
    } catch (error) {
      console.error(error)
      process.exitCode = 1
    }
  }
  if (rows.length > 0) say(`\n${tableOf(rows)}\n\nAll figures: ${options.resultsFile}`)
  if (rows.some((row) => row.verdict === 'void')) process.exitCode = 1
}

main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError
  console.error(isUsage ? `${error.message}\n\n${usage}` : error)
  process.exit(isUsage ? 2 : 1)
})
