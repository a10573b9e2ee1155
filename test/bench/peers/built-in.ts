/* Servers that npm can install, each used as its own documentation says. */
import { join } from 'node:path'
import { repositoryFolder } from '@roomway/testing'
import { type Peer, peerOf } from './peer.js'

const folder = join(repositoryFolder(), 'test/bench/peers')

/** Engine.IO over WebSocket: the server speaks first, the client opens the namespace, and then joins with an acknowledgement. */
const socketIoProtocol = {
  url: 'ws://127.0.0.1:{port}/socket.io/?EIO=4&transport=websocket',
  hello: ['', '40', '420["join","{room}"]'],
  readyFrames: 3,
  eventPrefix: '42["tick",',
  ping: '2',
  pong: '3',
}

const ws = peerOf(
  {
    name: 'ws',
    command: ['node', 'ws-kafka.mjs', '{port}', '{brokers}', '{topic}'],
    url: 'ws://127.0.0.1:{port}/?room={room}',
    readyFrames: 0,
    eventPrefix: '{"room":',
    publish: { kafka: true },
  },
  folder,
)

const socketIo = peerOf(
  {
    name: 'socket.io',
    command: ['node', 'socketio-redis.mjs', '{port}', '{redis}'],
    ...socketIoProtocol,
    publish: { module: 'redis-emitter.mjs' },
  },
  folder,
)

/** The same on uWebSockets.js in place of Node's sockets. */
const socketIoUws = peerOf(
  {
    name: 'socket.io-uws',
    command: ['node', 'socketio-redis-uws.mjs', '{port}', '{redis}'],
    ...socketIoProtocol,
    publish: { module: 'redis-emitter.mjs' },
  },
  folder,
)

/** For clients that come back: with the Redis Streams adapter and connection state recovery. */
export const socketIoStreams: Peer = peerOf(
  {
    name: 'socket.io-streams',
    command: ['node', 'socketio-streams.mjs', '{port}', '{redis}'],
    ...socketIoProtocol,
    publish: { module: 'streams-emitter.mjs' },
  },
  folder,
)

export const builtInPeers = { ws, socketIo, socketIoUws }
