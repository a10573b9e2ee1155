/*
 * Publishes to the events log of a deployment. Prints `ready <json>` when the log is there, begins on SIGHUP, and ends with `done <json>`.
 * Answers each SIGUSR2 by `appends <which> <requests>`: how many such signals there were, and how many requests its appends went in so far.
 */
import { AnswerCount } from './answer-count.js'
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
const answers = new AnswerCount()
let looks = 0
const stayAlive = setInterval(() => {}, 60_000)
process.once('SIGHUP', async () => {
  clearInterval(stayAlive)
  const report = await feed(plan, log.partitions, async (records) => {
    await log.append(records)
    answers.answered()
  })
  console.log(`done ${JSON.stringify(report)}`)
  await broker.close()
})
process.on('SIGUSR2', () => console.log(`appends ${++looks} ${answers.count}`))
console.log(`ready ${JSON.stringify({ epoch: log.epoch, partitions: log.partitions } satisfies PublisherReady)}`)
