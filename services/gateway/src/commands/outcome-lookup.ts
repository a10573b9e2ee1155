/*
 * Looks commands up in the log that were sent before: whether one of them has an outcome already, further back than the node remembers. What
 * waits of one partition is looked for together. From the end of what is known downwards, in growing stretches, and no further than
 * the time before which no session that is still alive can have sent anything.
 */
import type { Log, Logger } from '@roomway/broker'
import { type Effect, findRecentOutcomes, type RoomDirectory } from '@roomway/records'

export interface OutcomeLookupOptions {
  readonly log: Log
  readonly logger: Logger
  readonly directory: () => RoomDirectory
  /** Everything of the partition below this offset needs no looking for any more once a command waits: the node is told of what stands above. */
  readonly position: (partition: number) => number
  /** Nobody sends again what was first sent longer ago than this. */
  readonly spanMs: number
}

interface Wanted {
  readonly commandKey: string
  /** No outcome stands at or below. */
  readonly after: number
  readonly onDone: (effect: Effect | undefined) => void
}

const retryMs = 500

export class OutcomeLookup {
  readonly #options: OutcomeLookupOptions
  readonly #waiting = new Map<number, Wanted[]>()
  readonly #running = new Set<number>()
  #turn = new AbortController()
  searches = 0

  constructor(options: OutcomeLookupOptions) {
    this.#options = options
  }

  /** `onDone` is called with what the outcome that counts says, undefined where there is none; not after `clear`. */
  request(partition: number, wanted: Wanted): void {
    const waiting = this.#waiting.get(partition)
    if (waiting === undefined) this.#waiting.set(partition, [wanted])
    else waiting.push(wanted)
    if (!this.#running.has(partition)) void this.#run(partition, this.#turn.signal)
  }

  /** Forgets whatever is looked for: the log is another one, or the node closes. */
  clear(): void {
    this.#turn.abort()
    this.#turn = new AbortController()
    this.#waiting.clear()
    this.#running.clear()
  }

  /** In the next turn of the event loop, when all that came together waits. */
  async #run(partition: number, signal: AbortSignal): Promise<void> {
    this.#running.add(partition)
    await new Promise(setImmediate)
    while (!signal.aborted && this.#waiting.has(partition)) {
      const wanted = this.#waiting.get(partition)!
      this.#waiting.delete(partition)
      const found = await this.#untilSearched(partition, wanted, signal)
      if (signal.aborted) return
      for (const { commandKey, onDone } of wanted) onDone(found.get(commandKey))
    }
    if (!signal.aborted) this.#running.delete(partition)
  }

  async #untilSearched(partition: number, wanted: readonly Wanted[], signal: AbortSignal) {
    while (!signal.aborted) {
      try {
        return await this.#search(partition, wanted, signal)
      } catch (error) {
        if (signal.aborted) break
        this.#options.logger.warn(
          { err: error, partition, commands: wanted.length },
          'publishes that were sent again cannot be looked for in the log; trying again',
        )
        await new Promise((resolve) => setTimeout(resolve, retryMs))
      }
    }
    return new Map<string, Effect>()
  }

  async #search(partition: number, wanted: readonly Wanted[], signal: AbortSignal) {
    const { log: events, directory, position, spanMs } = this.#options
    this.searches++
    return findRecentOutcomes({
      events,
      partition,
      directory: directory(),
      from: Math.min(...wanted.map(({ after }) => after)) + 1,
      to: position(partition),
      commandKeys: new Set(wanted.map(({ commandKey }) => commandKey)),
      sinceMs: Date.now() - spanMs,
      signal,
    })
  }
}
