/*
 * A gateway on the embedded broker, and the publisher in the same process: what `roomway start` is. Begins on SIGHUP, ends with `done <json>`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { loadConfig } from '@roomway/config'
import { startGateway } from '@roomway/gateway'
import { type FeedPlan, feed } from './event-feed.js'

const plan = JSON.parse(process.argv[2]!) as FeedPlan
const dataDir = mkdtempSync(join(tmpdir(), 'roomway-bench-embedded-'))
const logger = { debug() {}, info() {}, warn: console.error, error: console.error }
const config = loadConfig(process.env, { command: 'start' })
const broker = await openEmbeddedBroker({ dataDir, prefix: config.prefix, partitions: 16, logger })
const log = await broker.log('events')
const gateway = await startGateway({ broker, config, logger })

process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
process.once('SIGTERM', () => process.exit(0))
process.once('SIGHUP', async () => {
  const report = await feed(plan, log.partitions, (records) => log.append(records))
  console.log(`done ${JSON.stringify(report)}`)
})
console.log(JSON.stringify({ msg: 'gateway listening', port: gateway.port, adminPort: gateway.adminPort }))
