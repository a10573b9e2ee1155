import { setTimeout as delay } from 'node:timers/promises'
import type { LeaseObserver, Logger } from '@roomway/broker'

/**
 * Serves one partition: resolves soon after `signal` aborts, rejects on a fault after which it can only begin anew. Whatever it opened is
 * closed when it settles. Calls `onServing` when it has caught up and does its work.
 */
export type Serve = (partition: number, signal: AbortSignal, onServing: () => void) => Promise<void>

export interface PartitionDutiesOptions {
  /** Name for the log: `commands`, `intake`. */
  readonly name: string
  readonly serve: Serve
  readonly logger: Logger
  /** Before beginning anew after a fault: this long, doubling to 5 s, full jitter. Default 100. */
  readonly firstDelayMs?: number
}

interface Owned {
  readonly stop: AbortController
  readonly ended: Promise<void>
  isServing: boolean
}

const maxDelayMs = 5_000

/** Does a duty for every partition that the lease gives, for as long as it is owned: after a fault it begins anew. */
export class PartitionDuties implements LeaseObserver {
  readonly #options: PartitionDutiesOptions
  readonly #owned = new Map<number, Owned>()
  readonly #ending = new Map<number, Promise<void>>()
  #isClosed = false

  constructor(options: PartitionDutiesOptions) {
    this.#options = options
  }

  get partitions(): readonly number[] {
    return [...this.#owned.keys()].sort((a, b) => a - b)
  }

  /** Owned and not (or not any more) serving. */
  get unready(): readonly number[] {
    return this.partitions.filter((partition) => this.#owned.get(partition)?.isServing === false)
  }

  onOwned(partition: number): void {
    if (this.#isClosed || this.#owned.has(partition)) return
    const stop = new AbortController()
    const before = this.#ending.get(partition) ?? Promise.resolve()
    const owned: Owned = { stop, isServing: false, ended: before.then(() => this.#keep(partition, owned)) }
    this.#owned.set(partition, owned)
  }

  onLost(partition: number): void {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    this.#owned.delete(partition)
    owned.stop.abort()
    const ending = owned.ended.finally(() => {
      if (this.#ending.get(partition) === ending) this.#ending.delete(partition)
    })
    this.#ending.set(partition, ending)
  }

  /** Gives up every partition and waits until each has ended. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const partition of this.partitions) this.onLost(partition)
    await Promise.all(this.#ending.values())
  }

  async #keep(partition: number, owned: Owned): Promise<void> {
    const { name, serve, logger, firstDelayMs = 100 } = this.#options
    const { signal } = owned.stop
    for (let failures = 0; !signal.aborted; ) {
      const serving = serve(partition, signal, () => {
        owned.isServing = true
        failures = 0
      })
      const fault = await serving.then(() => undefined, asError)
      owned.isServing = false
      if (fault === undefined || signal.aborted) continue
      const delayMs = Math.random() * Math.min(maxDelayMs, firstDelayMs * 2 ** failures++)
      logger.warn({ duty: name, partition, err: fault, delayMs }, 'a partition could not be served and is begun anew')
      await delay(delayMs, undefined, { signal }).catch(() => undefined)
    }
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
