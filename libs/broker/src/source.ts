import type { ReadableLog } from './log.js'

/** Where records that are not Roomway's own come from. What the broker does not have is an error, never made. */
export type SourceOrigin =
  | { readonly kind: 'topic'; readonly topic: string }
  /** A classic or quorum queue, which is consumed, or a stream, which is read. */
  | { readonly kind: 'queue'; readonly queue: string }
  /** A queue of Roomway's own is bound to it by each of the keys. */
  | { readonly kind: 'exchange'; readonly exchange: string; readonly bindingKeys: readonly string[] }

export interface SourceDefinition {
  /** Names what Roomway keeps for it; letters, digits, dashes and underscores. */
  readonly name: string
  readonly origin: SourceOrigin
}

/**
 * A source as a log that is only read: nothing is ever written into what is the user's, no record, no offset, no checkpoint. The epoch is that of
 * one incarnation of the topic or stream, whatever its partition count: partitions that are added are seen in `partitions`, and begin at their start.
 * A queue is consumed while it is tailed: a message is acknowledged when it is durable in a stream of Roomway's own, which is what is read.
 */
export interface SourceLog extends ReadableLog {
  /**
   * The header by which a record is known to be a repeat of one in the 8,192 offsets below it. Undefined where the broker repeats none. (A consumed
   * queue repeats what was durable and not acknowledged yet; the header is there where its publisher set a message id.)
   */
  readonly repeatHeader: string | undefined
  /**
   * Where the broker tells two incarnations under one name not apart: begins a new epoch, when the record that was read last is found to be
   * another one. Undefined where the epoch itself tells.
   */
  renew?(): Promise<void>
}
