/*
 * Tokens of clients that arrive are checked some in each turn of the event loop, in the order in which they came: ten thousand clients of a node that died
 * come at once, and what is live on this one is not to wait until all of them are in.
 */
import { AuthError, type Authenticator, type Identity } from '@roomway/auth'

/** Who a token says it is, or why it is not accepted. */
export type Verdict = Identity | AuthError

/** Whose token is to be checked. */
export interface Arrival {
  readonly token: string | undefined
  /** It went away: its token need not be checked, and nobody is to be told. */
  isGone(): boolean
  /** Called once, not in the step in which it was announced. */
  onVerdict(verdict: Verdict): void
}

/** One costs some 70 µs until it is welcomed. */
const checksPerTurn = 16

export class Arrivals {
  readonly #authenticator: Authenticator
  #waiting: Arrival[] = []
  #begun = 0
  #isTurnAwaited = false

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator
  }

  /** There are never more than the node has places. */
  announce(arrival: Arrival): void {
    if (this.#begun < checksPerTurn) this.#check(arrival)
    else this.#waiting.push(arrival)
    this.#awaitTurn()
  }

  #awaitTurn(): void {
    if (this.#isTurnAwaited) return
    this.#isTurnAwaited = true
    setImmediate(this.#onTurn)
  }

  readonly #onTurn = (): void => {
    this.#isTurnAwaited = false
    this.#begun = 0
    const waiting = this.#waiting
    let next = 0
    while (next < waiting.length && this.#begun < checksPerTurn) this.#check(waiting[next++]!)
    this.#waiting = next === waiting.length ? [] : waiting.slice(next)
    if (this.#begun > 0) this.#awaitTurn()
  }

  #check(arrival: Arrival): void {
    if (arrival.isGone()) return
    this.#begun++
    void this.#judge(arrival)
  }

  async #judge(arrival: Arrival): Promise<void> {
    let verdict: Verdict
    try {
      verdict = await this.#authenticator.authenticate(arrival.token)
    } catch (error) {
      verdict = error instanceof AuthError ? error : new AuthError('unavailable', unchecked, { cause: error })
    }
    if (!arrival.isGone()) arrival.onVerdict(verdict)
  }
}

const unchecked = 'the token cannot be checked at the moment'
