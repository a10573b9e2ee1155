/*
 * What the gateway is measured against: the shortest program that gets a Kafka record to a WebSocket, with no feature. One topic of
 * uWebSockets.js per room, `/ws?room=` subscribes, records go out as they come. Without brokers it is the raw server for memory.
 */
import { loadUws } from '@roomway/uws'
import { Kafka, logLevel } from 'kafkajs'

interface Plan {
  readonly brokers: readonly string[]
  readonly topic: string
}

const plan = JSON.parse(process.argv[2]!) as Plan
const app = loadUws().App()

app.ws<{ readonly room: string }>('/ws', {
  maxBackpressure: 256 * 1024 * 1024,
  idleTimeout: 120,
  upgrade: (res, req, context) => {
    res.upgrade(
      { room: req.getQuery('room') ?? '' },
      req.getHeader('sec-websocket-key'),
      req.getHeader('sec-websocket-protocol'),
      req.getHeader('sec-websocket-extensions'),
      context,
    )
  },
  open: (ws) => void ws.subscribe(ws.getUserData().room),
})

async function follow(): Promise<void> {
  const kafka = new Kafka({ brokers: [...plan.brokers], logLevel: logLevel.ERROR })
  const consumer = kafka.consumer({ groupId: `${plan.topic}-raw` })
  await consumer.connect()
  await consumer.subscribe({ topic: plan.topic, fromBeginning: true })
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key, value } of batch.messages) {
        const room = key!.toString()
        app.publish(room, `{"room":"${room}","data":${value!.toString()}}`)
      }
    },
  })
  await joined
}

process.once('SIGTERM', () => process.exit(0))
if (plan.brokers.length > 0) await follow()
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) throw new Error('no free port on 127.0.0.1')
  console.log(`listening on ${loadUws().us_socket_local_port(socket)}`)
})
