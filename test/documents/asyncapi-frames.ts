import type { ClientFrame, ServerFrame } from '@roomway/protocol'
import { clientFrameSchemas } from '@roomway/protocol/client-frames'
import { serverFrameSchemas } from '@roomway/protocol/server-frames'
import { z } from 'zod'

export type JsonObject = Readonly<Record<string, unknown>>

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1)
const ref = (path: string) => ({ $ref: `#/${path}` })

/** What each frame of a client is answered by. A type without an entry does not compile. */
const answers: Readonly<Record<ClientFrame['type'], readonly ServerFrame['type'][]>> = {
  join: ['joined', 'snapshot', 'event', 'error'],
  leave: ['ack', 'error'],
  publish: ['ack', 'error', 'reply'],
  resume: ['joined', 'event', 'error', 'resumed'],
  auth: ['ack', 'error'],
  seen: [],
  presence: ['members', 'error'],
  ping: ['pong'],
}
const unasked: readonly ServerFrame['type'][] = [
  'welcome',
  'event',
  'progress',
  'lagged',
  'reset',
  'left',
  'member',
  'expiring',
  'goaway',
  'error',
]
/** What an event stream gives: its client asks for nothing but its rooms. */
const streamed: readonly ServerFrame['type'][] = [
  'welcome',
  'joined',
  'event',
  'progress',
  'lagged',
  'reset',
  'left',
  'expiring',
  'goaway',
  'error',
]

function jsonSchema(schema: z.ZodType): JsonObject {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input', unrepresentable: 'any' })
  return rest
}

const closeSchema = z.object({ type: z.literal('close'), code: z.int(), reason: z.string() })

const clientTypes = [...clientFrameSchemas.keys()]
const serverTypes = Object.keys(serverFrameSchemas) as ServerFrame['type'][]

export const frameSchemas: JsonObject = Object.fromEntries([
  ...[...clientFrameSchemas].map(([type, schema]) => [`${type}Frame`, jsonSchema(schema)]),
  ...Object.entries(serverFrameSchemas).map(([type, schema]) => [`${type}Frame`, jsonSchema(schema)]),
  ['closeFrame', jsonSchema(closeSchema)],
])

const frameMessage = (type: string, summary: string) => ({
  name: type,
  title: capital(type),
  summary,
  contentType: 'application/json',
  payload: ref(`components/schemas/${type}Frame`),
})

export const frameMessages: JsonObject = Object.fromEntries([
  ...clientTypes.map((type) => [type, frameMessage(type, 'A frame of the client.')]),
  ...serverTypes.map((type) => [type, frameMessage(type, 'A frame of the server.')]),
  ['close', frameMessage('close', 'The last of an event stream: why it ends, as a WebSocket’s close code says.')],
])

const messagesOf = (types: readonly string[]) =>
  Object.fromEntries(types.map((type) => [type, ref(`components/messages/${type}`)]))

export const frameChannels: JsonObject = {
  webSocket: {
    address: '/v1/ws',
    title: 'WebSocket',
    description:
      'One frame per message. Subprotocol roomway.v1.json: JSON objects in text messages. roomway.v1.msgpack: the same frames as MessagePack maps in binary messages, in which data that is not JSON is bin.',
    servers: [ref('servers/gateway')],
    messages: messagesOf([...clientTypes, ...serverTypes]),
    bindings: { ws: { method: 'GET' } },
  },
  eventStream: {
    address: '/v1/sse',
    title: 'Server-Sent Events',
    description:
      'GET /v1/sse?room=a&room=b. The data of an event is one frame in JSON. An event frame has no event name, every other frame is named roomway.<type>. The id holds the place in every room; Last-Event-ID, or the query parameter lastEventId, goes on from there.',
    servers: [ref('servers/gatewayHttp')],
    messages: messagesOf([...streamed, 'close']),
  },
}

const inChannel = (channel: string, types: readonly string[]) => ({
  channel: ref(`channels/${channel}`),
  messages: types.map((type) => ref(`channels/${channel}/messages/${type}`)),
})

export const frameOperations: JsonObject = {
  ...Object.fromEntries(clientTypes.map((type) => [`on${capital(type)}`, takes(type)])),
  sendFrames: { action: 'send', summary: 'What comes unasked.', ...inChannel('webSocket', unasked) },
  sendEvents: { action: 'send', summary: 'An event stream.', ...inChannel('eventStream', [...streamed, 'close']) },
}

function takes(type: ClientFrame['type']): JsonObject {
  const reply = answers[type].length === 0 ? {} : { reply: inChannel('webSocket', answers[type]) }
  return { action: 'receive', ...inChannel('webSocket', [type]), ...reply }
}
