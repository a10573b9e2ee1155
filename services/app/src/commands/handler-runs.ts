import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'
import type { Logger } from '@roomway/broker'
import type { Application, CommandRun, Decision } from '@roomway/handlers'
import type { Command } from '@roomway/records'
import type { AppCounters } from '../operations/app-counters.js'
import { answerFault } from './command-fault.js'

export interface HandlerRunsOptions {
  readonly application: Pick<Application, 'decide' | 'deadlineMs'>
  /** For all attempts together, in ms, where the application says nothing else of a room. */
  readonly handlerDeadlineMs: number
  readonly logger: Logger
  readonly counters: AppCounters
}

/** `over`: the partition is not served here any more; nothing is to be done. */
export type Verdict = Decision | { readonly type: 'failed'; readonly detail: string } | { readonly type: 'over' }

/** Before an attempt that follows a failed one: this long, doubling, full jitter. */
const firstPauseMs = 50
/** The longest a timer takes: a longer one would fire at once. */
const maxTimerMs = 2 ** 31 - 1

/** Runs the handler of a command until it decides, again after a fault, to the deadline. */
export class HandlerRuns {
  readonly #options: HandlerRunsOptions
  readonly #active = new Set<Run>()

  constructor(options: HandlerRunsOptions) {
    this.#options = options
  }

  /** At once where the handler decides at once. Does not throw or reject. */
  decide(command: Command, commandId: string): Verdict | Promise<Verdict> {
    const forMs = this.#deadlineMs(command.room)
    if (typeof forMs === 'string') return failed(forMs)
    const run = new Run(forMs, commandId, this.#options.logger)
    const decided = this.#attempt(command, run)
    if (!isThenable(decided)) return checked(decided)
    this.#active.add(run)
    return this.#untilDecided(command, run, decided).finally(() => {
      this.#active.delete(run)
      run.end('over')
    })
  }

  /** The partition is not served here any more: what runs is told to stop. */
  async close(): Promise<void> {
    for (const run of this.#active) run.end('over')
  }

  /** In ms; why there is none, where the application does not say it. */
  #deadlineMs(room: string): number | string {
    const { application, handlerDeadlineMs } = this.#options
    try {
      const forMs = application.deadlineMs?.(room) ?? handlerDeadlineMs
      return forMs > 0 ? Math.min(forMs, maxTimerMs) : `its deadline, ${forMs} ms, is none`
    } catch (error) {
      return messageOf(error)
    }
  }

  /** A handler that throws is one that rejects. */
  #attempt(command: Command, run: Run): Decision | Promise<Decision> {
    try {
      return this.#options.application.decide(command, run)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #untilDecided(command: Command, run: Run, first: Decision | Promise<Decision>): Promise<Verdict> {
    const ended = run.untilEnd()
    let fault = `it did not answer within ${run.forMs} ms`
    for (let attempt = first; ; attempt = this.#attempt(command, run)) {
      const result = await Promise.race([settled(attempt), ended])
      if (typeof result === 'string') return result === 'over' ? over : failed(fault)
      if ('decision' in result) return checked(result.decision)
      fault = messageOf(result.error)
      this.#onFault(command, run, result.error)
      const end = await Promise.race([run.pause(), ended])
      if (end !== undefined) return end === 'over' ? over : failed(fault)
      run.attempt++
      this.#options.counters.handlerRetries++
    }
  }

  #onFault({ id, room }: Command, { attempt, commandId }: Run, err: unknown): void {
    this.#options.logger.warn(
      { err, commandId, id, room, attempt },
      'a handler failed and is run again until its deadline',
    )
  }
}

type End = 'late' | 'over'

/** The attempts at one command. The signal is made only where it is asked for: most handlers decide at once. */
class Run implements CommandRun {
  attempt = 1
  readonly forMs: number
  readonly commandId: string
  readonly logger: Logger
  readonly deadlineMs: number
  #end: (end: End) => void = () => undefined
  #hasEnded = false
  #abort: AbortController | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(forMs: number, commandId: string, logger: Logger) {
    this.forMs = forMs
    this.commandId = commandId
    this.logger = logger
    this.deadlineMs = Date.now() + forMs
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    if (this.#hasEnded) this.#abort.abort()
    return this.#abort.signal
  }

  /** Resolves when it ends, at its deadline or before. */
  untilEnd(): Promise<End> {
    this.#timer = setTimeout(() => this.end('late'), Math.max(0, this.deadlineMs - Date.now()))
    return new Promise((resolve) => (this.#end = resolve))
  }

  /** Full jitter. */
  pause(): Promise<undefined> {
    const pauseMs = Math.random() * firstPauseMs * 2 ** Math.min(this.attempt - 1, 16)
    return delay(pauseMs, undefined, { signal: this.signal }).catch(() => undefined)
  }

  /** What still runs is told to stop, and is not heard. */
  end(end: End): void {
    this.#hasEnded = true
    clearTimeout(this.#timer)
    this.#end(end)
    this.#abort?.abort()
  }
}

const over: Verdict = { type: 'over' }
const failed = (detail: string): Verdict => ({ type: 'failed', detail })

/** What would be the same at the next attempt is not tried again. */
function checked(decision: Decision): Verdict {
  try {
    const fault = answerFault(decision)
    return fault === undefined ? decision : failed(fault)
  } catch (error) {
    return failed(`its decision cannot be looked at: ${messageOf(error)}`)
  }
}

type Settled = { readonly decision: Decision } | { readonly error: unknown }

const settled = async (attempt: Decision | Promise<Decision>): Promise<Settled> => {
  try {
    return { decision: await attempt }
  } catch (error) {
    return { error }
  }
}

const isThenable = (decided: Decision | Promise<Decision>): decided is Promise<Decision> =>
  typeof (decided as Partial<Promise<Decision>> | null)?.then === 'function'

/** Of whatever a handler threw. A message need be no text, and what is thrown no error. */
function messageOf(error: unknown): string {
  try {
    const message: unknown = error instanceof Error ? error.message : error
    return typeof message === 'string' ? message : inspect(message, { depth: 1, breakLength: Number.POSITIVE_INFINITY })
  } catch {
    return 'it threw what cannot be shown'
  }
}
