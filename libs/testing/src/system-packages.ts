import { existsSync, readdirSync } from 'node:fs'
import { findProgram, run } from './command.js'
import { RABBITMQ_FOLDER } from './local-rabbitmq.js'

/** Something that tests need from the system, and Debian's package of it. */
export type SystemPackage = {
  /** Debian's and Ubuntu's name. */
  name: string
  /** What tests use it for. */
  purpose: string
  isPresent(): boolean
}

const program = (name: string, purpose: string, ...programs: string[]): SystemPackage => ({
  name,
  purpose,
  isPresent: () => findProgram(...programs) !== undefined,
})

export const JAVA = program('default-jre-headless', 'Kafka and Zipkin run on it', 'java')
export const MAVEN = program('maven', 'fetches the jars of Kafka and Zipkin', 'mvn')
export const RABBITMQ: SystemPackage = {
  name: 'rabbitmq-server',
  purpose: 'the RabbitMQ of tests and benchmarks',
  isPresent: () => existsSync(RABBITMQ_FOLDER) && readdirSync(RABBITMQ_FOLDER).length > 0,
}
export const KCAT = program('kcat', 'publishes to Kafka from outside', 'kcat', 'kafkacat')
export const AMQP_TOOLS = program('amqp-tools', 'publishes to RabbitMQ from outside', 'amqp-publish')
export const REDIS = program('redis-server', 'what peers of the benchmarks get their events from', 'redis-server')
export const CURL = program('curl', 'reads event streams', 'curl')
export const CHROMIUM = program('chromium', 'the browser of the tests', 'chromium', 'chromium-browser', 'google-chrome')
export const PYTHON = program('python3-venv', 'a client in another language', 'python3')
export const GO = program('golang-go', 'a client in another language', 'go')

/**
 * Installs those of `packages` that are missing with apt-get; does nothing, and takes no time, when none is.
 *
 * @throws Error that names what to install, where this is not possible: not root, or no apt-get.
 */
export async function ensureSystemPackages(packages: readonly SystemPackage[]): Promise<string[]> {
  const missing = packages.filter((candidate) => !candidate.isPresent())
  if (missing.length === 0) return []
  const names = missing.map((candidate) => candidate.name)
  if (process.getuid?.() !== 0 || findProgram('apt-get') === undefined) throw new Error(instructions(missing))
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const wait = ['-o', 'DPkg::Lock::Timeout=300']
  await run('apt-get', [...wait, 'update', '-qq'], { env })
  await run('apt-get', [...wait, 'install', '-y', '-qq', '--no-install-recommends', ...names], { env })
  const absent = missing.filter((candidate) => !candidate.isPresent())
  if (absent.length > 0)
    throw new Error(`apt-get installed them, but they are not found: ${absent.map(describe).join(', ')}`)
  return names
}

function instructions(missing: readonly SystemPackage[]): string {
  const names = missing.map((candidate) => candidate.name).join(' ')
  return `Missing: ${missing.map(describe).join(', ')}. Install with: apt-get install ${names} (names of Debian's packages)`
}

function describe(candidate: SystemPackage): string {
  return `${candidate.name} (${candidate.purpose})`
}
