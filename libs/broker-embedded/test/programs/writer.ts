/** Appends and tails for ever, and says what it was told, until it is killed. Arguments: data folder, a name for its records. */
import { openEmbeddedBroker } from '@roomway/broker-embedded'
import { quiet } from '../quiet-logger.js'

const [dataDir, name] = process.argv.slice(2)
// The end of stdin is the end of the test.
process.stdin.on('end', () => process.exit()).resume()

const say = (line: string): void => void process.stdout.write(`${line}\n`)

const broker = await openEmbeddedBroker({ prefix: 'crash', partitions: 2, dataDir: dataDir!, logger: quiet })
const log = await broker.log('events')
const from = new Map(await Promise.all([0, 1].map(async (partition) => [partition, await log.end(partition)] as const)))
await log.tail(from, {
  onBatch: ({ records }) => {
    for (const { partition, offset, value } of records)
      say(`seen ${partition}/${offset} ${Buffer.from(value).toString()}`)
  },
  onReset: (reason) => say(`reset ${reason}`),
})
say('open')

async function write(partition: number): Promise<void> {
  for (let burst = 0; ; burst += 1)
    await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const text = `${name}-${partition}-${burst * 20 + index}`
        await log.append([{ partition, key: 'room', headers: { text }, value: Buffer.from(text) }])
        say(`done ${text}`)
      }),
    )
}
await Promise.all([write(0), write(1)])
