/*
 * A session has one connection. Who takes it over says so in the control log, and the order of that log decides on every node alike: a
 * connection yields to a claim that stands after its own, never to one before it, however late a node reads it.
 */
import { randomUUID } from 'node:crypto'
import type { Batch, Log, Logger, Tail } from '@roomway/broker'
import { headerNames } from '@roomway/records'
import type { Connection } from '../connection/connection.js'

const claimKey = '$claim'
const noBytes = new Uint8Array()

export interface SessionClaimsOptions {
  readonly log: Log
  readonly logger: Logger
  readonly find: (session: string) => Connection | undefined
}

/** How many times the connection took a session over. */
export const claimsOf = ({ undertakings }: Connection): number => undertakings.claim?.number ?? 0

export class SessionClaims {
  readonly #options: SessionClaimsOptions
  /** What was claimed here and not read yet, by its id. */
  readonly #unread = new Map<string, Connection>()
  #tail: Tail | undefined
  #state: 'open' | 'closed' = 'open'

  constructor(options: SessionClaimsOptions) {
    this.#options = options
  }

  /** Follows the control log from its end. */
  async open(): Promise<void> {
    const { log } = this.#options
    const end = await log.end(0)
    // What was claimed meanwhile may stand below, and will not be read: who waited for its own would never yield to another.
    for (const id of this.#unread.keys()) this.#settle(id)
    this.#tail = await log.tail(new Map([[0, end]]), {
      onBatch: (batch) => this.#onBatch(batch),
      onReset: () => this.#reopen(),
    })
  }

  /** The connection's session is its own from here on. Where the log cannot be written, an older connection elsewhere stays until it ends by itself. */
  claim(connection: Connection): void {
    const id = randomUUID()
    const number = claimsOf(connection) + 1
    connection.undertake({ claim: { id, number, isRead: false } })
    this.#unread.set(id, connection)
    const headers = { [headerNames.event]: claimKey, [headerNames.id]: id, session: connection.session }
    this.#options.log.append([{ partition: 0, key: claimKey, headers, value: noBytes }]).catch((error) => {
      this.#options.logger.warn({ err: error }, 'a session’s claim could not be written')
      // It may be read yet, as its own; what others claim must not wait for that.
      this.#settle(id)
    })
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    await this.#tail?.close()
  }

  #settle(id: string): void {
    const claim = this.#unread.get(id)?.undertakings.claim
    this.#unread.delete(id)
    if (claim?.id === id) claim.isRead = true
  }

  #onBatch(batch: Batch): void {
    for (const { key, headers } of batch.records) {
      const { session } = headers
      if (key !== claimKey || session === undefined) continue
      const id = headers[headerNames.id]
      if (id !== undefined) this.#settle(id)
      const connection = this.#options.find(session)
      if (connection === undefined) continue
      const { claim } = connection.undertakings
      if (claim?.id !== id && (claim === undefined || claim.isRead)) connection.close('session_taken')
    }
  }

  #reopen(): void {
    if (this.#state === 'closed') return
    this.open().catch((error) => {
      this.#options.logger.error({ err: error }, 'the control log cannot be followed; trying again')
      setTimeout(() => this.#reopen(), 1_000).unref()
    })
  }
}
