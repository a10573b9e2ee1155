import type { ResetReason } from './log.js'

/** An append that did not resolve. `not-appended`: certainly not in the log. `unknown`: it may be there, or may yet appear. */
export class AppendError extends Error {
  override readonly name = 'AppendError'
  readonly outcome: 'not-appended' | 'unknown'
  constructor(outcome: 'not-appended' | 'unknown', message: string, options?: ErrorOptions) {
    super(message, options)
    this.outcome = outcome
  }
}

/** A position that cannot be read from; the log's answer to it is a reset, never a guess. */
export class PositionError extends Error {
  override readonly name = 'PositionError'
  readonly reason: ResetReason
  constructor(reason: ResetReason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
