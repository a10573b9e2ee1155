/** Header names of the envelope. All are optional on a record that others publish. */
export const headerNames = {
  event: 'roomway-event',
  contentType: 'content-type',
  /** Unique within its room: repeats are dropped. On an outcome: the command's id. */
  id: 'roomway-id',
  /** Set by Roomway only: who published, as the gateway authenticated them. */
  user: 'roomway-user',
  /** Set by Roomway only, in ms since 1970; its presence says that Roomway wrote, and so checked, the payload. */
  time: 'roomway-time',
  /** On an outcome: the last offset of its events partition that its writer had read. */
  seen: 'roomway-seen',
  /** On a command: `<epoch>:<offset>` of its events partition; no outcome of it lies at or below. */
  after: 'roomway-after',
  /** On a command: `1` where the client waits for a reply. On an outcome: the reply itself, as JSON. */
  reply: 'roomway-reply',
  /** On a command and its outcome, where it came in by another door than a gateway: which one. */
  door: 'roomway-door',
  traceparent: 'traceparent',
  /** On a copy that a mover made: `<epoch>:<partition>:<offset>` of the intake record. */
  source: 'roomway-source',
  /** On a dead letter: why it is none of ours. */
  reason: 'roomway-reason',
  /** On a dead letter: what a person needs to know beside the reason. */
  detail: 'roomway-detail',
  /** On a dead letter: JSON `{key, headers, timeMs, bytes}` of the record as it was. */
  original: 'roomway-original',
} as const

export const defaultEventName = 'message'
export const jsonContentType = 'application/json'

/** Keys and event names of Roomway's own records. Keys that start with `$` are never a user's room. */
export const systemNames = {
  marker: '$marker',
  checkpoint: '$checkpoint',
  rejected: '$rejected',
  outcome: '$outcome',
  reply: '$reply',
  error: '$error',
  dead: '$dead',
  deadNote: '$dead-note',
  rules: '$rules',
} as const

export const sessionRoomPrefix = '$session:'

/** The log's key of a connection's own room. */
export const sessionRoomKey = (session: string): string => sessionRoomPrefix + session

/** A command's id: unique for ever, equal on every repeat. */
export const commandId = (session: string, seq: number): string => `${session}:${seq}`

/** The session a command id belongs to. */
export const sessionOf = (id: string): string => id.slice(0, id.lastIndexOf(':'))

/** The number a client gave its command. */
export const seqOf = (id: string): number => Number(id.slice(id.lastIndexOf(':') + 1))

const noBytes = new Uint8Array()

/** What a quiet partition gets, so that a live tail can be told from a dead one. */
export function markerRecord(partition: number) {
  return { partition, key: systemNames.marker, headers: { [headerNames.event]: systemNames.marker }, value: noBytes }
}
