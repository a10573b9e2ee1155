/** `ws` on plain Node: a set of sockets for each room, events from Kafka by kafkajs as the raw pipe reads them. Without brokers it is idle. */
import { WebSocket, WebSocketServer } from 'ws'

const [port, brokers, topic] = process.argv.slice(2)
const rooms = new Map()

function join(socket, room) {
  const members = rooms.get(room) ?? new Set()
  rooms.set(room, members.add(socket))
  socket.on('close', () => {
    members.delete(socket)
    if (members.size === 0) rooms.delete(room)
  })
}

/** Made once, sent to each. */
function publish(room, text) {
  const frame = Buffer.from(text)
  for (const socket of rooms.get(room) ?? []) {
    if (socket.readyState === WebSocket.OPEN) socket.send(frame, { binary: false })
  }
}

async function follow() {
  const { Kafka, logLevel } = (await import('kafkajs')).default
  const consumer = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.ERROR }).consumer({
    groupId: `${topic}-ws`,
  })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key, value } of batch.messages) {
        const room = key.toString()
        publish(room, `{"room":"${room}","data":${value.toString()}}`)
      }
    },
  })
  await joined
}

process.once('SIGTERM', () => process.exit(0))
if (brokers !== '') await follow()
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), perMessageDeflate: false, backlog: 1024 })
server.on('connection', (socket, request) => {
  socket.on('error', console.error)
  join(socket, new URL(request.url, 'http://localhost').searchParams.get('room'))
})
