import { openEmbeddedBroker } from '@roomway/broker-embedded'

/** Opens a broker in the folder that it is given, and says why that failed. */
const quiet = { debug() {}, info() {}, warn() {}, error() {} }
const dataDir = process.argv[2]!
try {
  await openEmbeddedBroker({ dataDir, prefix: 'test', partitions: 1, logger: quiet })
} catch (error) {
  console.log(`refused: ${(error as Error).message}`)
}
