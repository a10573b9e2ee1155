import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { randomPrefix } from '@roomway/testing'
import { connections, testApp } from './app-suite.js'
import { silent } from './fixtures.js'

testApp('the embedded broker', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'roomway-app-'))
  const options = { dataDir, prefix: randomPrefix(), partitions: 4, logger: silent }
  return connections(
    () => openEmbeddedBroker(options),
    () => rm(dataDir, { recursive: true }),
  )
})
