/** Socket.IO with its Redis adapter on uWebSockets.js, which it documents as its fastest server. */
import { loadUws } from '@roomway/uws'
import { createAdapter } from '@socket.io/redis-adapter'
import { createClient } from 'redis'
import { Server } from 'socket.io'
import { letJoin, options } from './socketio-rooms.mjs'

const [port, url] = process.argv.slice(2)
const pubClient = createClient({ url })
const subClient = pubClient.duplicate()
await Promise.all([pubClient.connect(), subClient.connect()])

const app = loadUws().App()
const io = new Server({ ...options, adapter: createAdapter(pubClient, subClient) })
io.attachApp(app)
letJoin(io)
app.listen('127.0.0.1', Number(port), (socket) => {
  if (socket === false) throw new Error(`cannot listen on ${port}`)
})
