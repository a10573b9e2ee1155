/**
 * `npm test`: all set-up, all checks, all tests, from a fresh clone on a machine that has only Node (with root and
 * apt-get; elsewhere it says what to install). Arguments go to jest, save one: `--embedded` runs the part that needs
 * neither broker nor browser. The last line is `N passed, N failed`. libs/testing/README.md says more.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { requireNode } from './node-version.mjs'

requireNode()
const { installDependencies } = await import('./dependencies.mjs')
const { build, turbo } = await import('./build.mjs')
const { runNode } = await import('./run.mjs')

const started = Date.now()
const jestArgs = process.argv.slice(2).filter((arg) => arg !== '--embedded')
const embedded = jestArgs.length < process.argv.length - 2

/** What a test file's name says that it needs: `orders.kafka.test.ts`. */
const NEEDS_MORE = '\\.(kafka|rabbitmq|zipkin|chromium|interop)\\.([a-z-]+\\.)*test\\.ts$'

function say(line) {
  const seconds = ((Date.now() - started) / 1000).toFixed(1).padStart(6)
  console.log(`${seconds} s  ${line}`)
}

async function step(name, work) {
  say(name)
  try {
    await work()
  } catch (error) {
    say(`FAILED: ${name}: ${error.message}`)
    end({ passed: 0, failed: 1, skipped: 0 })
  }
}

function end({ passed, failed, skipped }) {
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`)
  process.exit(failed === 0 ? 0 : 1)
}

async function ensureServers() {
  const { importTypeScript, registerTypeScript } = await import('./run-ts.mjs')
  registerTypeScript()
  const { prepareTests } = await importTypeScript('libs/testing/src/setup.ts')
  await prepareTests(say)
}

/** Two workers: broker tests mostly wait, so that two share two cores well; more would make timing the subject. */
async function jest() {
  const folder = mkdtempSync(join(tmpdir(), 'roomway-jest-'))
  const file = join(folder, 'results.json')
  const ignored = embedded ? ['--testPathIgnorePatterns', '/node_modules/', NEEDS_MORE] : []
  const program = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
  ]
  const args = [...program, '--maxWorkers=2', '--json', `--outputFile=${file}`, ...jestArgs, ...ignored]
  try {
    await runNode(args, { show: true }).catch(() => undefined)
    return sum(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    say(`FAILED: jest gave no result: ${error.message}`)
    return { passed: 0, failed: 1, skipped: 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A file that could not be run counts as one failure, and so does a run that failed in any other way. */
function sum(result) {
  const failed = result.numFailedTests + result.numRuntimeErrorTestSuites
  const unexplained = failed === 0 && !result.success ? 1 : 0
  const skipped = result.numPendingTests + result.numTodoTests
  return { passed: result.numPassedTests, failed: failed + unexplained, skipped }
}

await step('dependencies', () => installDependencies(() => say('  npm ci')))
if (!embedded) await step('brokers, browser, other languages', ensureServers)
await step('biome', () => runNode(['node_modules/@biomejs/biome/bin/biome', 'check', '.']))
await step('build', build)
await step('oxlint', () => runNode(['node_modules/oxlint/bin/oxlint', '--type-aware']))
await step('boundaries', () => turbo('boundaries'))
await step('types', () => runNode(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.test.json']))
say(`jest${embedded ? ', without brokers and browser' : ''}`)
const result = await jest()
say('done')
end(result)
