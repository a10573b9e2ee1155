/** Socket.IO with its Redis adapter, WebSocket only. */
import { createServer } from 'node:http'
import { createAdapter } from '@socket.io/redis-adapter'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { letJoin, options } from './socketio-rooms.mjs'

const [port, url] = process.argv.slice(2)
const pubClient = createClient({ url })
const subClient = pubClient.duplicate()
await Promise.all([pubClient.connect(), subClient.connect()])

const server = createServer()
letJoin(new Server(server, { ...options, adapter: createAdapter(pubClient, subClient) }))
server.listen({ port: Number(port), host: '127.0.0.1', backlog: 1024 })
