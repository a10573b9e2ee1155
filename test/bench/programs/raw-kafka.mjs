/**
 * The raw pipe of Kafka: kafkajs' `eachBatch` with `autoCommit` off, straight into uWebSockets.js' `app.publish` with a template string, with no
 * feature. Without brokers it is the raw server for memory and connecting. Plain JavaScript, so that nothing but Node, kafkajs and
 * uWebSockets.js is in the process.
 */
import { loadUws } from '@roomway/uws'
import { openRawServer } from './raw-server.mjs'

const { brokers, topic } = JSON.parse(process.argv[2])
const app = openRawServer(loadUws())

async function follow() {
  const { Kafka, logLevel } = (await import('kafkajs')).default
  const consumer = new Kafka({ brokers, logLevel: logLevel.ERROR }).consumer({ groupId: `${topic}-raw` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key, value } of batch.messages) {
        const room = key.toString()
        app.publish(room, `{"room":"${room}","data":${value.toString()}}`)
      }
    },
  })
  await joined
}

process.once('SIGTERM', () => process.exit(0))
if (brokers.length > 0) await follow()
app.listenAnywhere()
