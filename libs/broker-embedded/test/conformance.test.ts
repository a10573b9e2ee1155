import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrokerHarness, type HarnessOptions, testBroker } from '@roomway/broker/conformance'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { quiet } from './quiet-logger.js'

let root = ''
const partitionsOf = new Map<string, number>()

/** One data folder per prefix; every open in this process shares it, as nodes share a broker. */
async function open(options: HarnessOptions) {
  partitionsOf.set(options.prefix, options.partitions)
  return openEmbeddedBroker({ ...options, dataDir: join(root, options.prefix), logger: quiet })
}

const harness: BrokerHarness = {
  unsupported: {
    restart: 'the broker is this process; crash.test.ts kills one',
    holes: 'its offsets are dense',
    'claim-process': 'its leases live and die with its process',
  },
  start: async () => {
    root = await mkdtemp(join(tmpdir(), 'roomway-embedded-'))
  },
  stop: () => rm(root, { recursive: true }),
  open,
  recreateLog: async (prefix, name) => {
    const broker = await open({ prefix, partitions: partitionsOf.get(prefix)! })
    await broker.recreate(name)
    await broker.close()
  },
  truncateStart: async (prefix, partition, offset) => {
    const broker = await open({ prefix, partitions: partitionsOf.get(prefix)! })
    await broker.truncate('events', partition, offset + 1)
    await broker.close()
  },
}

testBroker('the embedded broker', harness)
