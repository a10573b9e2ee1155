import type { Logger } from '@roomway/broker'
import type { Answers, JoinRequest, SnapshotAnswer, Verdict } from '@roomway/handlers'
import type { Counters } from '../operations/counters.js'

export interface QuestionsOptions {
  readonly application: Answers
  readonly counters: Counters
  readonly logger: Logger
  /** From the asking to the answer, the wait for a turn included. Default 5,000. */
  readonly timeoutMs?: number
  /** Questions under way at once. Default 64. */
  readonly maxConcurrent?: number
  /** Questions that wait for their turn. Default 10,000. */
  readonly maxWaiting?: number
}

type Question<T> = (signal: AbortSignal) => Promise<T>

/** What a node asks the application, within bounds of time and number. Rejects where there is no answer, whatever the reason. */
export class Questions {
  readonly #options: QuestionsOptions
  readonly #timeoutMs: number
  readonly #maxConcurrent: number
  readonly #maxWaiting: number
  readonly #waiting = new Set<() => void>()
  /** How those that are under way or wait are abandoned. (An AbortSignal is for few listeners.) */
  readonly #abandon = new Set<() => void>()
  #isClosed = false
  #running = 0
  #isAnswered = true

  constructor(options: QuestionsOptions) {
    this.#options = options
    this.#timeoutMs = options.timeoutMs ?? 5_000
    this.#maxConcurrent = options.maxConcurrent ?? 64
    this.#maxWaiting = options.maxWaiting ?? 10_000
  }

  /** Questions that wait for their turn. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** Whether what was asked at `sinceMs`, by `performance.now()`, should have been answered by now. */
  isLate(sinceMs: number): boolean {
    return this.#leftMs(sinceMs) <= 0
  }

  /** `sinceMs`: from when on the time counts, by `performance.now()`. Default: now. */
  authorizeJoin(request: JoinRequest, abandoned: AbortSignal, sinceMs = performance.now()): Promise<Verdict> {
    return this.#ask((signal) => this.#options.application.authorizeJoin(request, signal), abandoned, sinceMs)
  }

  snapshot(request: JoinRequest, abandoned: AbortSignal): Promise<SnapshotAnswer> {
    return this.#ask((signal) => this.#options.application.snapshot(request, signal), abandoned, performance.now())
  }

  /** Abandons every question. */
  close(): void {
    this.#isClosed = true
    for (const end of this.#abandon) end()
  }

  #leftMs(sinceMs: number): number {
    return sinceMs + this.#timeoutMs - performance.now()
  }

  async #ask<T>(question: Question<T>, abandoned: AbortSignal, sinceMs: number): Promise<T> {
    const over = new AbortController()
    const end = () => over.abort(new Error('the question was abandoned'))
    const expire = () => over.abort(new Error(`the application did not answer within ${this.#timeoutMs} ms`))
    const timer = setTimeout(expire, Math.max(1, this.#leftMs(sinceMs)))
    this.#abandon.add(end)
    abandoned.addEventListener('abort', end, { once: true })
    if (abandoned.aborted || this.#isClosed) end()
    else if (this.isLate(sinceMs)) expire()
    try {
      return await this.#inTurn(question, over.signal)
    } catch (error) {
      if (!abandoned.aborted) this.#onFault(error)
      throw error
    } finally {
      clearTimeout(timer)
      abandoned.removeEventListener('abort', end)
      this.#abandon.delete(end)
    }
  }

  async #inTurn<T>(question: Question<T>, signal: AbortSignal): Promise<T> {
    await this.#turn(signal)
    try {
      signal.throwIfAborted()
      const answer = await untilAborted(question(signal), signal)
      this.#onAnswer()
      return answer
    } finally {
      this.#release()
    }
  }

  /** Resolves with a place taken. */
  async #turn(signal: AbortSignal): Promise<void> {
    if (this.#running < this.#maxConcurrent) {
      this.#running++
      return
    }
    if (this.#waiting.size >= this.#maxWaiting) throw new Error('too many questions wait for the application')
    let start = () => {}
    const started = new Promise<void>((resolve) => {
      start = resolve
    })
    this.#waiting.add(start)
    await untilAborted(started, signal).catch((error: unknown) => {
      // It was given a place at the very moment it was abandoned.
      if (!this.#waiting.delete(start)) this.#release()
      throw error
    })
  }

  /** A place that becomes free is handed on. */
  #release(): void {
    const [start] = this.#waiting
    if (start === undefined) {
      this.#running--
      return
    }
    this.#waiting.delete(start)
    start()
  }

  #onAnswer(): void {
    this.#options.counters.questionsAnswered++
    if (!this.#isAnswered) this.#options.logger.info({}, 'the application answers again')
    this.#isAnswered = true
  }

  #onFault(error: unknown): void {
    this.#options.counters.questionsUnanswered++
    if (!this.#isAnswered || this.#isClosed) return
    this.#isAnswered = false
    this.#options.logger.warn({ err: error }, 'the application does not answer')
  }
}

/** Rejects at the abort, though what is awaited may not heed it. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
