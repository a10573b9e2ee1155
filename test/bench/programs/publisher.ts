/*
 * Publishes to the events log of a deployment. Prints `ready <json>` when the log is there, begins on SIGHUP, and ends with `done <json>`.
 */
import { type FeedPlan, feed } from './event-feed.js'
import { openPublisherBroker, type PublisherAddress } from './publisher-broker.js'

export interface PublisherPlan extends FeedPlan {
  readonly address: PublisherAddress
  readonly prefix: string
  /** Default 16. */
  readonly partitions?: number
}

/** What a raw pipe must know to read the log. */
export interface PublisherReady {
  readonly epoch: string
  readonly partitions: number
}

const plan = JSON.parse(process.argv[2]!) as PublisherPlan
const broker = await openPublisherBroker(plan)
const log = await broker.log('events')
const stayAlive = setInterval(() => {}, 60_000)
process.once('SIGHUP', async () => {
  clearInterval(stayAlive)
  const report = await feed(plan, log.partitions, (records) => log.append(records))
  console.log(`done ${JSON.stringify(report)}`)
  await broker.close()
})
console.log(`ready ${JSON.stringify({ epoch: log.epoch, partitions: log.partitions } satisfies PublisherReady)}`)
