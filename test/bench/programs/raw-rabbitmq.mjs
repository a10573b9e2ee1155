/**
 * The raw pipe of RabbitMQ: amqplib consumes every stream of the events log, straight into uWebSockets.js' `app.publish`, with no feature.
 * Acknowledgements are only credit, so half a prefetch is acknowledged at once.
 */
import { loadUws } from '@roomway/uws'
import { openRawServer } from './raw-server.mjs'

const { url, streams } = JSON.parse(process.argv[2])
const prefetch = 128
const app = openRawServer(loadUws())

async function follow() {
  const { connect } = (await import('amqplib')).default
  const connection = await connect(url)
  for (const stream of streams) {
    const channel = await connection.createChannel()
    await channel.prefetch(prefetch)
    let unacked = 0
    const take = (message) => {
      const room = message.properties.headers['roomway-key']
      if (room !== undefined) app.publish(room, `{"room":"${room}","data":${message.content.toString()}}`)
      if (++unacked < prefetch / 2) return
      unacked = 0
      channel.ack(message, true)
    }
    await channel.consume(stream, take, { arguments: { 'x-stream-offset': 'first' } })
  }
}

process.once('SIGTERM', () => process.exit(0))
await follow()
app.listenAnywhere()
