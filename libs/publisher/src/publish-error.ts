/**
 * Why an event was not published. `bad_room`, `bad_event_name`, `bad_payload`, `too_large`: never will be as it is. `overloaded`: too much waits
 * to be written; `unavailable`: the broker did not confirm in time; both may pass. `closed`: the publisher is.
 */
export type PublishErrorCode =
  | 'bad_room'
  | 'bad_event_name'
  | 'bad_payload'
  | 'too_large'
  | 'overloaded'
  | 'unavailable'
  | 'closed'

export class PublishError extends Error {
  override readonly name = 'PublishError'
  readonly code: PublishErrorCode
  /** The event's id: where `outcome` is `unknown`, publish it again with this one, so that it is not shown twice. */
  readonly id: string | undefined
  /** `not-appended`: certainly not in the log. `unknown`: it may be there. */
  readonly outcome: 'not-appended' | 'unknown'

  constructor(
    code: PublishErrorCode,
    message: string,
    about: { readonly id?: string; readonly outcome?: 'not-appended' | 'unknown'; readonly cause?: unknown } = {},
  ) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause })
    this.code = code
    this.id = about.id
    this.outcome = about.outcome ?? 'not-appended'
  }

  /** Whether a repeat may succeed. */
  get temporary(): boolean {
    return this.code === 'overloaded' || this.code === 'unavailable'
  }
}
