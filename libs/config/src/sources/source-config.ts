import type { Reference, Template } from './template.js'

/** Where records come from, in the broker's words. */
export type SourceOriginConfig =
  | { readonly kind: 'topic'; readonly topic: string }
  | { readonly kind: 'queue'; readonly queue: string }
  | { readonly kind: 'exchange'; readonly exchange: string; readonly bindingKeys: readonly string[] }

/** Holds or not, for every record. `equals`: the text of what is there; a number or true or false as JSON writes it. */
export type SourceCondition =
  | { readonly type: 'exists'; readonly of: Reference; readonly not: boolean }
  | { readonly type: 'equals'; readonly of: Reference; readonly anyOf: readonly string[]; readonly not: boolean }

/** What of others' topics, queues and exchanges comes into which rooms. */
export interface SourceConfig {
  /** Unique; part of the ids of its events. */
  readonly name: string
  readonly origin: SourceOriginConfig
  readonly room: Template
  /** Undefined: what the record's headers say, else `message`. */
  readonly event: Template | undefined
  /** Undefined: what the record's headers say, else JSON. */
  readonly contentType: string | undefined
  /** A record for which one of these does not hold is passed over. */
  readonly filter: readonly SourceCondition[]
  /** Where a topic or a stream begins when nothing was copied of it yet. */
  readonly from: 'earliest' | 'latest'
}
