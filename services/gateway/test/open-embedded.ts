import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { type Deployment, silentLogger } from './test-nodes.js'

/** A deployment in this process, in a folder of its own. */
export async function openEmbedded(): Promise<Deployment> {
  const dataDir = await mkdtemp(join(tmpdir(), 'roomway-gateway-'))
  const broker = await openEmbeddedBroker({ dataDir, prefix: 'roomway', partitions: 4, logger: silentLogger })
  return {
    open: async () => broker,
    recreateLog: (name) => broker.recreate(name),
    async close() {
      await broker.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
