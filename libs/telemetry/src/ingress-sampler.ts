import { formatTraceparent, parseTraceparent } from './traceparent.js'

export interface IngressSamplerOptions {
  /** Sampled traces per second that clients may start, all of them together; a burst of one second's worth passes. Default 10. */
  readonly maxTracesPerSecond?: number
  readonly now?: () => number
}

/**
 * Stands where trace contexts come in from clients, who are not to decide how much this deployment records. A well-formed context
 * passes; above the rate its sampled flag is taken off; anything else is dropped. A token bucket: nothing is queued.
 */
export class IngressSampler {
  readonly #ratePerMs: number
  readonly #burst: number
  readonly #now: () => number
  #allowance: number
  #lastMs: number

  constructor({ maxTracesPerSecond = 10, now = () => performance.now() }: IngressSamplerOptions = {}) {
    this.#ratePerMs = maxTracesPerSecond / 1000
    this.#burst = maxTracesPerSecond === 0 ? 0 : Math.max(1, maxTracesPerSecond)
    this.#now = now
    this.#allowance = this.#burst
    this.#lastMs = now()
  }

  /** The context to go on with. Undefined: none came, or none that can be read. */
  admit(traceparent: string | undefined): string | undefined {
    if (traceparent === undefined) return undefined
    const context = parseTraceparent(traceparent)
    if (context === undefined) return undefined
    return formatTraceparent({ ...context, sampled: context.sampled && this.#take() })
  }

  #take(): boolean {
    const nowMs = this.#now()
    const elapsedMs = Math.max(0, nowMs - this.#lastMs)
    this.#lastMs = nowMs
    this.#allowance = Math.min(this.#burst, this.#allowance + elapsedMs * this.#ratePerMs)
    if (this.#allowance < 1) return false
    this.#allowance -= 1
    return true
  }
}
