import { z } from 'zod'
import { contentTypeForm } from './content-type.js'
import type { ErrorCode } from './error-codes.js'
import type { ClientFrame, PublishFrame, ResumeFrame } from './frames.js'
import { isEventName, isRoomName, isUserRoom } from './room-name.js'

/** How many rooms one `resume` may name, `$session` included. */
export const maxResumeRooms = 1000
const maxTokenChars = 16_384
const maxEpochChars = 255

/** What became of a frame's validation. `id` and `room` are the frame's own, where they are usable, for the `error` that answers it. */
export type ClientFrameResult =
  | { readonly ok: true; readonly frame: ClientFrame }
  | {
      readonly ok: false
      readonly code: ErrorCode
      readonly message: string
      readonly id?: number
      readonly room?: string
    }

// What a JSON Schema can say of the refinements below, for docs/asyncapi.json.
const nameForm = { minLength: 1, maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f]+$' }
const userNameForm = { ...nameForm, pattern: '^[^$\\u0000-\\u001f\\u007f-\\u009f][^\\u0000-\\u001f\\u007f-\\u009f]*$' }

const id = z.int().positive()
const userRoom = z.string().refine(isUserRoom, { error: 'not a room name that users may use' }).meta(userNameForm)
const anyRoom = z.string().refine(isRoomName, { error: 'not a room name' }).meta(nameForm)
const eventName = z
  .string()
  .refine((name) => isEventName(name) && !name.startsWith('$'), { error: 'not an event name that users may use' })
  .meta(userNameForm)
const token = z.string().min(1).max(maxTokenChars)
const position = z.object({ epoch: z.string().min(1).max(maxEpochChars), offset: z.int().min(-1) })
const from = z.union([
  position,
  z.object({ last: z.int().nonnegative() }),
  z.object({ withinMs: z.int().nonnegative() }),
  z.object({ snapshot: z.literal(true) }),
])
const contentType = z.string().regex(contentTypeForm)
// A trace context that is not valid is left out, as W3C Trace Context asks, and the publish goes on.
const traceparent = z
  .string()
  .regex(/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
  .optional()
  .catch(undefined)
const resumeRooms = z
  .custom<ResumeFrame['rooms']>(isResumeRooms, {
    error: `at most ${maxResumeRooms} room names, each with a position`,
  })
  .meta({
    type: 'object',
    maxProperties: maxResumeRooms,
    propertyNames: nameForm,
    additionalProperties: z.toJSONSchema(position, { target: 'draft-7', io: 'input' }),
  })
const base64 = z.string().refine(isBase64, { error: 'not valid base64' }).meta({ contentEncoding: 'base64' })

/** By type. */
export const clientFrameSchemas: ReadonlyMap<ClientFrame['type'], z.ZodType<ClientFrame>> = new Map<
  ClientFrame['type'],
  z.ZodType<ClientFrame>
>([
  [
    'join',
    z.object({ type: z.literal('join'), id, room: userRoom, from: from.optional(), presence: z.boolean().optional() }),
  ],
  ['leave', z.object({ type: z.literal('leave'), id, room: userRoom })],
  [
    'publish',
    z.object({
      type: z.literal('publish'),
      id,
      room: userRoom,
      event: eventName.optional(),
      data: z.unknown().optional(),
      dataBase64: base64.optional(),
      contentType: contentType.optional(),
      reply: z.boolean().optional(),
      after: position.optional(),
      traceparent,
    }),
  ],
  ['resume', z.object({ type: z.literal('resume'), id, token, rooms: resumeRooms })],
  ['auth', z.object({ type: z.literal('auth'), id, token })],
  ['seen', z.object({ type: z.literal('seen'), room: anyRoom, offset: z.int().min(-1) })],
  ['presence', z.object({ type: z.literal('presence'), id, room: userRoom })],
  ['ping', z.object({ type: z.literal('ping'), id: id.optional() })],
])

/**
 * Checks one decoded frame of a client. Unknown members are left out of the result. Never throws.
 * A bad room gives `bad_room`, bad data `bad_payload`, everything else, an unknown `type` included, `bad_frame`.
 */
export function parseClientFrame(object: Readonly<Record<string, unknown>>): ClientFrameResult {
  const schema = clientFrameSchemas.get(object.type as ClientFrame['type'])
  if (schema === undefined) return refusal(object, 'bad_frame', 'unknown type of frame')
  const result = schema.safeParse(object)
  if (!result.success) return refusalFor(object, result.error)
  const fault = result.data.type === 'publish' ? payloadFault(result.data) : undefined
  return fault === undefined ? { ok: true, frame: result.data } : refusal(object, 'bad_payload', fault)
}

// Not z.record(), which leaves out a room that is called __proto__.
function isResumeRooms(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const rooms = Object.entries(value)
  return (
    rooms.length <= maxResumeRooms &&
    rooms.every(([room, from]) => isRoomName(room) && position.safeParse(from).success)
  )
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)
}

function payloadFault(frame: PublishFrame): string | undefined {
  const hasData = frame.data !== undefined
  if (hasData === (frame.dataBase64 !== undefined)) return 'publish takes data or dataBase64, one of them'
  const isBinary = !hasData || frame.data instanceof Uint8Array
  return isBinary && frame.contentType === undefined ? 'binary data needs a contentType' : undefined
}

function refusalFor(object: Readonly<Record<string, unknown>>, error: z.ZodError<ClientFrame>): ClientFrameResult {
  const issue = error.issues[0]
  if (issue === undefined) return refusal(object, 'bad_frame', 'not valid')
  const where = [object.type, ...issue.path].join('.')
  return refusal(object, codeOf(issue), `${where}: ${issue.message}`)
}

function codeOf(issue: z.core.$ZodIssue): ErrorCode {
  if (issue.path[0] === 'room' && issue.code === 'custom') return 'bad_room'
  return issue.path[0] === 'dataBase64' ? 'bad_payload' : 'bad_frame'
}

function refusal(object: Readonly<Record<string, unknown>>, code: ErrorCode, message: string): ClientFrameResult {
  const frameId = id.safeParse(object.id)
  const room = anyRoom.safeParse(object.room)
  return {
    ok: false,
    code,
    message,
    ...(frameId.success && { id: frameId.data }),
    ...(room.success && { room: room.data }),
  }
}
