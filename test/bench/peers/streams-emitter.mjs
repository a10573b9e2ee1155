/** Events for Socket.IO's Redis Streams adapter from another process: a server of the same cluster that has no clients. */
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { createClient } from 'redis'
import { Server } from 'socket.io'

export async function openPublisher({ redis }) {
  const client = createClient({ url: redis })
  await client.connect()
  const io = new Server({ adapter: createAdapter(client) })
  return (room, data) => io.to(room).emit('tick', JSON.parse(data))
}
