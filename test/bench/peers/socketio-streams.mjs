/** Socket.IO with its Redis Streams adapter and connection state recovery, WebSocket only. */
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-streams-adapter'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { letJoin, options } from './socketio-rooms.mjs'

const [port, url] = process.argv.slice(2)
const redisClient = createClient({ url })
await redisClient.connect()

const server = createServer()
const connectionStateRecovery = { maxDisconnectionDuration: 2 * 60 * 1000, skipMiddlewares: true }
letJoin(new Server(server, { ...options, connectionStateRecovery, adapter: createAdapter(redisClient) }))
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 })
