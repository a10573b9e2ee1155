/** A process that claims: prints `+ <partition>` and `- <partition>` as its observer is told. Arguments: addresses, prefix, name, partitions. */
import { openKafkaBroker } from '../../src/index.js'

const [addresses, prefix, name, partitions] = process.argv.slice(2) as [string, string, string, string]
const silent = (): void => undefined

const broker = await openKafkaBroker({
  brokers: addresses.split(','),
  prefix,
  partitions: Number(partitions),
  logger: { debug: silent, info: silent, warn: silent, error: silent },
})
await broker.claim(name, Number(partitions), {
  onOwned: (partition) => process.stdout.write(`+ ${partition}\n`),
  onLost: (partition) => process.stdout.write(`- ${partition}\n`),
})
process.stdout.write('claiming\n')
