/*
 * Asks the application tier over HTTP. Connections are kept alive by Node's own client; how many are open at once is bounded by who asks
 * (Questions). An answer is read up to its bound and no further.
 */
import type { QuestionTokens } from '@roomway/auth'
import type { Answers, JoinRequest, SnapshotAnswer, Verdict } from '@roomway/handlers'
import { type ErrorCode, errorCodes, type Position } from '@roomway/protocol'
import { z } from 'zod'

export interface HttpApplicationOptions {
  /** Of any instance of the application tier, or of what balances them. */
  readonly url: string
  readonly tokens: QuestionTokens
  readonly maxSnapshotBytes: number
}

interface Answer {
  readonly response: Response
  /** Undefined: larger than its bound. */
  readonly body: Uint8Array | undefined
}

const maxVerdictBytes = 8_192
const positionHeader = 'roomway-position'

const code = z.custom<ErrorCode | `app.${string}`>(
  (value) => typeof value === 'string' && (Object.hasOwn(errorCodes, value) || /^app\.[\w.-]{1,64}$/.test(value)),
)
const verdict: z.ZodType<Verdict> = z.discriminatedUnion('type', [
  z.object({ type: z.literal('allow') }),
  z.object({ type: z.literal('refuse'), code, message: z.string().max(2_048) }),
])
const position: z.ZodType<Position> = z
  .string()
  .regex(/^.{1,255}:(-1|\d{1,15})$/)
  .transform((text) => {
    const colon = text.lastIndexOf(':')
    return { epoch: text.slice(0, colon), offset: Number(text.slice(colon + 1)) }
  })

const refusalCodes: ReadonlySet<unknown> = new Set<ErrorCode>(['unsupported', 'too_large'])
const problem = z.object({
  code: z.custom<ErrorCode>((value) => refusalCodes.has(value)),
  detail: z.string().max(2_048),
})

export class HttpApplication implements Answers {
  readonly #options: HttpApplicationOptions
  readonly #base: string

  constructor(options: HttpApplicationOptions) {
    this.#options = options
    this.#base = options.url.replace(/\/*$/, '/v1/questions/')
  }

  async authorizeJoin(request: JoinRequest, signal: AbortSignal): Promise<Verdict> {
    const answer = await this.#ask('join', request, maxVerdictBytes, signal)
    if (answer.response.status !== 200 || answer.body === undefined) throw unusable(answer)
    return verdict.parse(JSON.parse(textOf(answer.body)))
  }

  async snapshot(request: JoinRequest, signal: AbortSignal): Promise<SnapshotAnswer> {
    const { maxSnapshotBytes } = this.#options
    const answer = await this.#ask('snapshot', request, maxSnapshotBytes, signal)
    const { response, body } = answer
    if (body === undefined)
      return { type: 'refuse', code: 'too_large', message: `the room’s state has more than ${maxSnapshotBytes} bytes` }
    if (response.status === 200)
      return { type: 'snapshot', position: position.parse(response.headers.get(positionHeader)), data: body }
    const refusal = problem.safeParse(jsonOf(body))
    if (!refusal.success) throw unusable(answer)
    return { type: 'refuse', code: refusal.data.code, message: refusal.data.detail }
  }

  /** A connection that was kept alive may end just as it is used again, so a question that did not get through is asked once more. */
  async #ask(kind: 'join' | 'snapshot', request: JoinRequest, maxBytes: number, signal: AbortSignal): Promise<Answer> {
    const authorization = `Bearer ${await this.#options.tokens.sign()}`
    const headers = { authorization, 'content-type': 'application/json' }
    const { room, user } = request
    const init = { method: 'POST', headers, body: JSON.stringify({ room, user }), signal, redirect: 'error' } as const
    const url = this.#base + kind
    const response = await fetch(url, init).catch((error: unknown) => {
      if (signal.aborted) throw error
      return fetch(url, init)
    })
    return { response, body: await bodyOf(response, maxBytes) }
  }
}

/** Undefined past the bound, with the rest unread. */
async function bodyOf(response: Response, maxBytes: number): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

const textOf = (body: Uint8Array): string => Buffer.from(body).toString()

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(textOf(body))
  } catch {
    return undefined
  }
}

const unusable = ({ response, body }: Answer): Error =>
  new Error(`the application tier answered ${response.status}: ${textOf(body ?? new Uint8Array()).slice(0, 500)}`)
