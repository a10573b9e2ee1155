import { PositionError } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { openRoomHistory, type RoomHistoryOptions } from '../../history/room-history.js'
import { inTime } from '../answer-deadline.js'
import { answerEnd } from '../answer-end.js'
import type { Api } from '../api.js'
import { problemResponses } from '../api-document.js'
import { brokerProblem } from '../broker-problem.js'
import { Problem } from '../problem.js'
import type { RequestGuard } from '../request-guard.js'
import { countSchema, parsePosition, positionSchema, roomSchema } from '../request-schemas.js'
import { HistoryPage } from './history-page.js'
import type { JoinPermission } from './join-permission.js'

export const maxEvents = 1_000
const maxPageBytes = 4 * 1024 * 1024
/** Records of any room that one request reads at most, besides the look-back. */
const maxScannedOffsets = 20_000
const maxReadingMs = 5_000

const eventSchema = z
  .object({
    room: z.string(),
    offset: z.int(),
    id: z.string(),
    event: z.string(),
    data: z.unknown().optional(),
    contentType: z.string().optional(),
    dataBase64: z.string().optional(),
    time: z.int().meta({ description: 'In ms since 1970.' }),
    user: z.string().optional(),
    traceparent: z.string().optional(),
  })
  .meta({
    id: 'Event',
    description: 'As in an event frame: `data`, or `dataBase64` and `contentType` where it is not JSON.',
  })

const pageSchema = z
  .object({
    events: z.array(eventSchema),
    next: positionSchema.meta({ description: 'Where to go on: the next `from`, on any instance.' }),
    more: z
      .boolean()
      .meta({ description: 'Whether there is more to read at once. A page may be empty and not the last.' }),
  })
  .meta({ id: 'HistoryPage' })

const response = {
  200: { description: 'A page.', content: { 'application/json': { schema: pageSchema } } },
  ...problemResponses(400, 401, 403, 410, 429, 503),
}

export interface HistoryRoutesOptions {
  readonly guard: RequestGuard
  readonly permission: JoinPermission
  readonly history: RoomHistoryOptions
  /** Requests that read, or whose page has not been taken, at the same time; more are refused. */
  readonly maxReaders: number
  readonly answerMs: number
}

/** `GET /v1/events`: the past of a room, page by page, with bounded work for each. */
export function addHistoryRoutes(api: Api, options: HistoryRoutesOptions): void {
  const { guard, permission, maxReaders, answerMs } = options
  let readers = 0
  api.route({
    method: 'GET',
    url: '/v1/events',
    onRequest: guard.onRequest,
    links: { 200: { next: { operationId: 'history', parameters: { 'query.from': '$response.body#/next' } } } },
    schema: {
      operationId: 'history',
      summary: 'Read the events of a room',
      description:
        'Oldest first, from behind `from`, else from the oldest that is kept. Follow `next` until `more` is false; ask again from there for what comes later.',
      tags: ['events'],
      security: guard.security,
      querystring: z.strictObject({
        room: roomSchema,
        from: positionSchema.optional(),
        limit: countSchema(maxEvents, 100),
      }),
      response,
    },
    handler: async (request, reply) => {
      const { room, from, limit } = request.query
      const identity = await guard.admit(request, 1)
      if (readers >= maxReaders) throw new Problem('overloaded', 'as much of the past is being read as may be')
      readers++
      const over = new AbortController()
      const reading = permission
        .check(identity, room, over.signal)
        .then(() => readPage(options.history, room, from === undefined ? undefined : parsePosition(from), limit, over))
        .catch(brokerProblem)
      // A page is in memory until it was sent, and a reading goes on behind an answer that came too early for it.
      void Promise.allSettled([reading, answerEnd(reply)]).then(() => readers--)
      try {
        const page = await inTime(reading, answerMs, () => new Problem('unavailable', 'the broker does not answer'))
        return await sendJson(reply, page)
      } finally {
        over.abort()
      }
    },
  })
}

/** Written already. */
const sendJson = (reply: FastifyReply, text: string) =>
  reply
    .type('application/json')
    .serializer(() => text)
    .send(text)

async function readPage(
  options: RoomHistoryOptions,
  room: string,
  from: Position | undefined,
  limit: number,
  over: AbortController,
): Promise<string> {
  const late = setTimeout(() => over.abort(), maxReadingMs)
  try {
    const log = openRoomHistory(options, room, over.signal)
    const end = await log.end()
    if (from !== undefined && from.epoch === end.epoch && from.offset > end.offset)
      throw new PositionError('ahead', `offset ${from.offset} is past the end of the log, ${end.offset}`)
    const page = new HistoryPage({ events: limit, bytes: maxPageBytes })
    const first = from?.offset ?? (await options.events.start(options.directory().home(room))) - 1
    const to = { epoch: end.epoch, offset: Math.min(end.offset, first + maxScannedOffsets) }
    const readTo = await log.read(from, to, (event) => {
      page.add(event)
      if (page.isFull) over.abort()
    })
    return page.toJson(readTo, end)
  } finally {
    clearTimeout(late)
  }
}
