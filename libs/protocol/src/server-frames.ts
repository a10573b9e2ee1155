/*
 * The frames of the server as schemas: what docs/asyncapi.json is made from, and what tests hold a server to. A test keeps them and the types of frames.ts in
 * step. Not part of a client: it ignores what it does not know.
 */
import { z } from 'zod'
import { type ErrorCode, errorCodes } from './error-codes.js'

const id = z.int().positive().meta({ description: 'that of the frame which this answers' })
const room = z.string().min(1)
const epoch = z.string().min(1).meta({ description: 'which incarnation of the log the offset is of' })
const offset = z.int().min(-1).meta({ description: 'a place in the room’s log; −1 before its first record' })
const spanMs = z.int().nonnegative()
const session = z.string().min(1)
const resumeToken = z.string().min(1)
const reason = z.enum(['epoch', 'expired', 'ahead']).meta({ description: 'why events may be missing' })
const data = z.unknown().meta({ description: 'any JSON value' })
const errorCode = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]])

const limits = z.object({
  maxPayloadBytes: z.int().positive(),
  maxRooms: z.int().positive(),
  publishesPerSecond: z.number().positive(),
})

/** By type. */
export const serverFrameSchemas = {
  welcome: z.object({
    type: z.literal('welcome'),
    session,
    resumeToken,
    resumeMs: spanMs,
    epoch,
    offset,
    user: z.string().exactOptional(),
    expiresInMs: spanMs.exactOptional(),
    node: z.string(),
    heartbeatMs: spanMs,
    limits,
  }),
  snapshot: z.object({ type: z.literal('snapshot'), id, room, offset, data }),
  joined: z.object({
    type: z.literal('joined'),
    id,
    room,
    epoch,
    offset,
    recovered: z.boolean().exactOptional(),
    reason: reason.exactOptional(),
    replayed: z.int().nonnegative(),
  }),
  event: z.object({
    type: z.literal('event'),
    room,
    offset,
    prev: offset.meta({ description: 'the room has no event strictly between this offset and that of the event' }),
    id: z.string().min(1).meta({ description: 'unique within the room' }),
    event: z.string().min(1).max(255),
    data: data.exactOptional(),
    dataBase64: z.string().exactOptional().meta({ description: 'instead of data, where the content is not JSON' }),
    contentType: z.string().exactOptional(),
    time: z.int().nonnegative().meta({ description: 'ms since 1970' }),
    user: z.string().exactOptional(),
    traceparent: z.string().exactOptional(),
  }),
  ack: z.object({ type: z.literal('ack'), id }),
  reply: z.object({ type: z.literal('reply'), id, offset, data: data.exactOptional() }),
  resumed: z.object({ type: z.literal('resumed'), id, session, resumeToken, recovered: z.boolean() }),
  reset: z.object({ type: z.literal('reset'), room, epoch, offset, reason }),
  progress: z.object({ type: z.literal('progress'), room, offset }),
  lagged: z.object({ type: z.literal('lagged'), room, from: offset, to: offset }),
  error: z.object({
    type: z.literal('error'),
    id: id.exactOptional(),
    room: room.exactOptional(),
    offset: offset.exactOptional(),
    code: z.union([errorCode, z.templateLiteral(['app.', z.string()])]),
    message: z.string(),
    temporary: z.boolean(),
    retryAfterMs: spanMs.exactOptional(),
  }),
  expiring: z.object({ type: z.literal('expiring'), inMs: spanMs }),
  goaway: z.object({ type: z.literal('goaway'), afterMs: spanMs, deadlineMs: spanMs, reason: z.string() }),
  left: z.object({ type: z.literal('left'), room, reason: z.string() }),
  pong: z.object({ type: z.literal('pong'), id: id.exactOptional() }),
  members: z.object({
    type: z.literal('members'),
    id,
    room,
    count: z.int().nonnegative(),
    members: z.array(z.object({ user: z.string(), sessions: z.int().positive() })),
  }),
  member: z.object({ type: z.literal('member'), room, user: z.string(), change: z.enum(['joined', 'left']) }),
}
