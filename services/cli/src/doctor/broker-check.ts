import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Broker, Logger } from '@roomway/broker'
import { openBroker } from '@roomway/brokers'
import type { Config } from '@roomway/config'
import { checkClock } from './clock-check.js'
import { type Finding, fail, ok, warn } from './finding.js'

const patienceMs = 15_000
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

/** What the broker says of itself, and how the clocks agree. Makes nothing that is not there yet. */
export async function checkBroker(config: Config): Promise<readonly Finding[]> {
  const { broker } = config
  if (broker.kind === 'embedded' && !existsSync(broker.dataDir)) {
    return [ok('embedded', `${resolve(broker.dataDir)} does not exist yet; start makes it`)]
  }
  try {
    return await withBroker(config, (opened) => examine(opened, config))
  } catch (error) {
    return [unopened(config, error as Error)]
  }
}

async function withBroker<T>(config: Config, use: (broker: Broker) => Promise<T>): Promise<T> {
  const broker = await inTime(openBroker(config, silent), 'connect')
  try {
    return await inTime(use(broker), 'answer')
  } finally {
    await broker.close()
  }
}

async function examine(broker: Broker, { sources }: Config): Promise<readonly Finding[]> {
  const found = await broker.diagnose(sources)
  if (!hasEvents(broker, found)) return found
  return [...found, await checkClock(await broker.log('events'), Date.now)]
}

/** Opening a log makes it where it is missing, so the findings are asked first. */
function hasEvents({ kind }: Broker, found: readonly Finding[]): boolean {
  if (found.some(({ status }) => status === 'fail')) return false
  return (
    kind === 'embedded' || found.some(({ check, detail }) => /\bevents$/.test(check) && detail !== 'does not exist')
  )
}

function unopened({ broker }: Config, error: Error): Finding {
  if (error.name === 'FolderInUseError') {
    return warn(
      broker.kind,
      error.message,
      'Nothing to do where that is the Roomway you mean to run; for another beside it, set ROOMWAY_DATA_DIR',
    )
  }
  const remedies = {
    embedded: 'Make the folder (ROOMWAY_DATA_DIR) writable for this user',
    kafka: 'Check KAFKA_BROKERS, that the brokers run and are reached from here, and the TLS and SASL settings',
    rabbitmq: 'Check RABBITMQ_URL, that the broker runs and is reached from here, and the user and password',
  }
  return fail(broker.kind, error.message, remedies[broker.kind])
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the broker did not ${what} within ${patienceMs} ms`)), patienceMs)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
