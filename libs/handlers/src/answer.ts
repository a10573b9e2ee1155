import { assertRoom, emission, encodeJson } from './content.js'
import type { EmitOptions } from './contexts.js'
import type { Decision, Emission } from './decision.js'
import { Rejected } from './rejection.js'

/** What an event may hold; the log takes no larger record. */
export const maxEventBytes = 1_000_000

/** What one run of a handler has said so far. Nothing of it has an effect before the run's decision is written. */
export class Answer {
  readonly #room: string
  readonly #signal: AbortSignal
  readonly #events: Emission[] = []
  #rejected: Rejected | undefined
  #isOver = false

  constructor(room: string, signal: AbortSignal) {
    this.#room = room
    this.#signal = signal
  }

  readonly emit = (event: string, data: unknown, options?: EmitOptions): void =>
    this.#emit(this.#room, event, data, options)

  readonly to = (room: string) => {
    assertRoom(room)
    return {
      emit: (event: string, data: unknown, options?: EmitOptions): void => this.#emit(room, event, data, options),
    }
  }

  readonly reject = (code: string, message: string): never => {
    this.#assertOpen(`reject as ${JSON.stringify(code)}`)
    const rejected = new Rejected(code, message)
    this.#rejected = rejected
    throw rejected
  }

  /** Ends the run. @throws TypeError where what the handler returned is no JSON. */
  end(returned: unknown): Decision {
    this.#isOver = true
    if (this.#rejected !== undefined) return this.#rejected.decision
    const reply = returned == null ? undefined : encodeJson(returned, 'what publish returned')
    return { type: 'answer', events: this.#events, ...(reply && { reply }) }
  }

  /** Ends the run by what the handler threw. @throws it, where it is no rejection. */
  fail(error: unknown): Decision {
    this.#isOver = true
    if (this.#rejected !== undefined) return this.#rejected.decision
    throw error
  }

  /** The refusal, where `reject` was called. */
  get rejected(): Extract<Decision, { type: 'reject' }> | undefined {
    return this.#rejected?.decision
  }

  #emit(room: string, event: string, data: unknown, options: EmitOptions | undefined): void {
    this.#assertOpen(`emit ${JSON.stringify(event)}`)
    const emitted = emission(room, event, data, options)
    const { length } = emitted.payload
    if (length > maxEventBytes)
      this.reject('too_large', `the event ${JSON.stringify(event)} has ${length} bytes, more than ${maxEventBytes}`)
    this.#events.push(emitted)
  }

  #assertOpen(what: string): void {
    if (this.#rejected !== undefined) throw new Error(`cannot ${what}: this run was rejected`)
    if (this.#isOver) throw new Error(`cannot ${what}: the handler has returned (is an await missing?)`)
    if (this.#signal.aborted) throw new Error(`cannot ${what}: the run is past its deadline or was given up`)
  }
}
