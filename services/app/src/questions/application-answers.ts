import type { Log, Logger } from '@roomway/broker'
import type { Answers, Application, HandlerRun, JoinRequest, SnapshotAnswer, Verdict } from '@roomway/handlers'
import { errorCodes, isRoomName, isUserRoom } from '@roomway/protocol'
import { payloadFault, type RoomDirectory } from '@roomway/records'
import { z } from 'zod'
import { openRoomHistory } from '../history/room-history.js'

export interface ApplicationAnswersOptions {
  readonly application: Application
  readonly events: Log
  /** The homes of rooms in the present epoch of `events`. */
  readonly directory: () => RoomDirectory
  readonly maxSnapshotBytes: number
  readonly logger: Logger
  /** How long the application may take for an answer. Default 5,000. */
  readonly deadlineMs?: number
}

const maxMessageChars = 1_024

/** What may be asked. A gateway has checked it too; it is looked at again because the application builds on it. */
export const joinRequest: z.ZodType<JoinRequest> = z
  .object({
    room: z.string().refine(isUserRoom, 'not a room name that users may use'),
    user: z.string().refine(isRoomName, 'not the name of a user').optional(),
  })
  .transform(({ room, user }) => ({ room, user }))

const verdict = z.discriminatedUnion('type', [
  z.object({ type: z.literal('allow') }),
  z.object({
    type: z.literal('refuse'),
    code: z.string().refine((code) => Object.hasOwn(errorCodes, code) || /^app\.[\w.-]{1,64}$/.test(code)),
    message: z.string().transform((message) => message.slice(0, maxMessageChars)),
  }),
])

const position = z.object({ epoch: z.string().min(1).max(255), offset: z.int().min(-1) })

/** Asks the application, each question in a run of its own, and answers nothing that is not well-formed and within its bounds. */
export class ApplicationAnswers implements Answers {
  readonly #options: ApplicationAnswersOptions
  readonly #deadlineMs: number

  constructor(options: ApplicationAnswersOptions) {
    this.#options = options
    this.#deadlineMs = options.deadlineMs ?? 5_000
  }

  authorizeJoin(request: JoinRequest, signal: AbortSignal): Promise<Verdict> {
    return this.#run('authorizeJoin', request, signal, async (valid, run) => {
      return verdict.parse(await this.#options.application.authorizeJoin(valid, run)) as Verdict
    })
  }

  snapshot(request: JoinRequest, signal: AbortSignal): Promise<SnapshotAnswer> {
    return this.#run('snapshot', request, signal, (valid, run) => this.#snapshot(valid, run))
  }

  async #snapshot(request: JoinRequest, run: HandlerRun): Promise<SnapshotAnswer> {
    const { application, maxSnapshotBytes } = this.#options
    const log = openRoomHistory(this.#options, request.room, run.signal)
    const snapshot = await application.snapshot(request, log, run)
    if (snapshot === undefined) return { type: 'refuse', code: 'unsupported', message: 'the room has no snapshot' }
    const { data } = snapshot
    if (data.length > maxSnapshotBytes)
      return { type: 'refuse', code: 'too_large', message: `the room’s state has more than ${maxSnapshotBytes} bytes` }
    if (payloadFault(data, true) !== undefined) throw new Error('the data of the snapshot is not JSON in UTF-8')
    return { type: 'snapshot', position: position.parse(snapshot.position), data }
  }

  /** Rejects at the deadline, though the application may not heed its signal. */
  async #run<T>(
    question: string,
    request: JoinRequest,
    abandoned: AbortSignal,
    ask: (request: JoinRequest, run: HandlerRun) => Promise<T>,
  ): Promise<T> {
    const valid = joinRequest.parse(request)
    const over = new AbortController()
    const late = new Promise<never>((_, reject) => {
      over.signal.addEventListener('abort', () => reject(over.signal.reason as Error), { once: true })
    })
    const end = () => over.abort(new Error('the question was abandoned'))
    const expire = () => over.abort(new Error(`the application did not answer within ${this.#deadlineMs} ms`))
    const timer = setTimeout(expire, this.#deadlineMs)
    abandoned.addEventListener('abort', end, { once: true })
    if (abandoned.aborted) end()
    try {
      const run = {
        signal: over.signal,
        deadlineMs: Date.now() + this.#deadlineMs,
        attempt: 1,
        logger: this.#options.logger,
      }
      return await Promise.race([ask(valid, run), late])
    } catch (error) {
      if (!abandoned.aborted)
        this.#options.logger.error({ err: error, question, room: valid.room }, 'a gateway’s question has no answer')
      throw error
    } finally {
      clearTimeout(timer)
      abandoned.removeEventListener('abort', end)
      over.abort()
    }
  }
}
