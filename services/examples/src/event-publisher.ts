/** An event for a room. `id` makes a repeat harmless: within its room, an id counts once. */
export interface OutgoingEvent {
  readonly room: string
  readonly event: string
  /** Any JSON value. */
  readonly data: unknown
  readonly id: string
}

/** Resolves when the event is durable in the log; rejects where that is not certain, and may then be called again with the same event. */
export type Publish = (event: OutgoingEvent) => Promise<void>
