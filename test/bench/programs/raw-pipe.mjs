/**
 * What the gateway is measured against: the shortest program that gets a Kafka record to a WebSocket, with no feature. One topic of
 * uWebSockets.js per room, `/ws?room=` subscribes, records go out as they come. Without brokers it is the raw server for memory.
 * Plain JavaScript, so that nothing but Node, kafkajs and uWebSockets.js is in the process.
 */
import { loadUws } from '@roomway/uws'

const { brokers, topic } = JSON.parse(process.argv[2])
const uws = loadUws()
const app = uws.App()

app.ws('/ws', {
  maxBackpressure: 256 * 1024 * 1024,
  idleTimeout: 120,
  upgrade: (res, req, context) => {
    res.upgrade(
      { room: req.getQuery('room') },
      req.getHeader('sec-websocket-key'),
      req.getHeader('sec-websocket-protocol'),
      req.getHeader('sec-websocket-extensions'),
      context,
    )
  },
  open: (ws) => {
    ws.subscribe(ws.getUserData().room)
  },
})

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
app.listen('127.0.0.1', 0, (socket) => {
  if (socket === false) throw new Error('no free port on 127.0.0.1')
  console.log(`listening on ${uws.us_socket_local_port(socket)}`)
})
