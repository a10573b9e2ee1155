/** A process that claims a lease and prints what its observer is told: `owned 3`, `lost 3`. Arguments: URL, prefix, name, partitions. */
import { openRabbitmqBroker } from '../src/index.js'
import { silent } from './support.js'

const [url, prefix, name, partitions] = process.argv.slice(2)
const broker = await openRabbitmqBroker({ url: url!, prefix: prefix!, partitions: 1, logger: silent })
await broker.claim(name!, Number(partitions), {
  onOwned: (partition) => console.log(`owned ${partition}`),
  onLost: (partition) => console.log(`lost ${partition}`),
})
