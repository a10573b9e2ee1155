/* What the clients of a run saw, as they hand it to the checker. */
import { createHash } from 'node:crypto'
import type { Wish } from './workload.js'

/**
 * `acked`: durable. `rejected`: by a handler, before the ack. `unknown`: outcome_unknown. `refused`: by the client or a gateway, for good, which no command of
 * the workload should be. `pending`: no answer came.
 */
export type PublishStatus = 'acked' | 'rejected' | 'unknown' | 'refused' | 'pending'

export interface PublishEntry {
  readonly n: number
  readonly room: string
  readonly wish: Wish
  readonly wantsReply: boolean
  status: PublishStatus
  /** Of the command, once it was acked. */
  id?: string
  /** Of what it was refused or rejected by. */
  code?: string
}

/** A reply or rejection that reached the application. `id`: of the command; where a rejection came as the answer of `publish`, its `n` is known instead. */
export interface AnswerEntry {
  readonly kind: 'reply' | 'rejection'
  readonly id?: string
  readonly n?: number
  /** Of the run of the handler. */
  readonly run: string
  readonly code?: string
}

export interface RoomEntry {
  readonly room: string
  /** The position that was reached: everything up to there was handed over, or nothing of it is. */
  position: number
  epoch: string
  /** Of the events that were handed over, in order. */
  readonly offsets: number[]
  /** Of the same, see {@link digestOf}. */
  readonly digests: string[]
  resets: number
}

export interface ClientJournal {
  readonly client: number
  /** The session that it has at the end. */
  session: string
  readonly publishes: PublishEntry[]
  readonly answers: AnswerEntry[]
  readonly rooms: RoomEntry[]
  /** Set where the client gave up for good. */
  closed?: string
}

/** What went over the wire of one process's clients. */
export interface WireCounts {
  connects: number
  resumes: number
  recovered: number
  resends: number
}

export interface ProcessJournal {
  readonly clients: readonly ClientJournal[]
  /** By room: the distinct pairs of `prev` and `offset` of event frames. */
  readonly claims: Readonly<Record<string, readonly (readonly [prev: number, offset: number])[]>>
  readonly wire: WireCounts
}

/** Tells one event from another, whoever read it: `data` is the JSON value. */
export function digestOf(id: string, event: string, data: unknown): string {
  return createHash('md5')
    .update(`${id}\n${event}\n${JSON.stringify(data)}`)
    .digest('base64url')
    .slice(0, 12)
}
