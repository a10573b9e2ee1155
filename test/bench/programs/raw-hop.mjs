/**
 * The raw counterpart of a publish: kafkajs' producer with acks from all replicas, and a consumer with `autoCommit` off, at the same rate.
 * Prints one line of JSON: the time until the send is acknowledged, and until the record is read again.
 */
import kafkajs from 'kafkajs'

const { brokers, topic, publishes, perSecond } = JSON.parse(process.argv[2])
const { Kafka, logLevel, Partitioners } = kafkajs
const kafka = new Kafka({ brokers, logLevel: logLevel.ERROR })
const warmUp = Math.round(publishes / 5)
const ackMs = []
const eventMs = []
const sentMs = new Map()
const data = 'x'.repeat(96)

const admin = kafka.admin()
await admin.connect()
await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: 16 }] })
await admin.disconnect()
const consumer = kafka.consumer({ groupId: `${topic}-raw` })
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
await consumer.run({
  autoCommit: false,
  eachBatch: async ({ batch }) => {
    for (const { value } of batch.messages) note(eventMs, JSON.parse(value.toString()).n)
  },
})
await joined
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
await producer.connect()

function note(into, n) {
  if (n > warmUp) into.push(performance.now() - sentMs.get(n))
}

const startMs = performance.now()
for (let n = 1; n <= publishes; n++) {
  const waitMs = startMs + (n * 1_000) / perSecond - performance.now()
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  sentMs.set(n, performance.now())
  const messages = [{ key: 'bench:0', value: JSON.stringify({ n, data }) }]
  void producer.send({ topic, acks: -1, messages }).then(() => note(ackMs, n))
}
const expected = publishes - warmUp
const endMs = performance.now() + 10_000
while ((ackMs.length < expected || eventMs.length < expected) && performance.now() < endMs)
  await new Promise((resolve) => setTimeout(resolve, 20))
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1]
console.log(
  JSON.stringify({
    acks: ackMs.length,
    events: eventMs.length,
    expected,
    ackP50Ms: median(ackMs),
    eventP50Ms: median(eventMs),
  }),
)
process.exit(0)
