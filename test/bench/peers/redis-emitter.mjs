/** Events for Socket.IO from another process, by its Redis emitter. */
import { Emitter } from '@socket.io/redis-emitter'
import { createClient } from 'redis'

export async function openPublisher({ redis }) {
  const client = createClient({ url: redis })
  await client.connect()
  const emitter = new Emitter(client)
  return (room, data) => emitter.to(room).emit('tick', JSON.parse(data))
}
