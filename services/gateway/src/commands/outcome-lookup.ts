/*
 * Looks commands up in the log that were sent before: whether one of them has an outcome already, further back than the node remembers. What
 * waits of one partition is looked for together. From the end of what is known downwards, in growing stretches, and no further than
 * the time before which no session that is still alive can have sent anything.
 */
import type { BrokerRecord, Log, Logger } from '@roomway/broker'
import { type Effect, findOutcomes, headerNames, type RoomDirectory, systemNames } from '@roomway/records'

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

const firstStretchOffsets = 32_768
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

  async #search(partition: number, wanted: readonly Wanted[], signal: AbortSignal): Promise<Map<string, Effect>> {
    const { log: events, directory, position, spanMs } = this.#options
    this.searches++
    const sinceMs = Date.now() - spanMs
    const found = new Map<string, Effect>()
    const missing = new Set(wanted.map(({ commandKey }) => commandKey))
    const lowest = Math.max(await events.start(partition), Math.min(...wanted.map(({ after }) => after)) + 1)
    let to = position(partition)
    for (let stretch = firstStretchOffsets; to > lowest && missing.size > 0; stretch *= 4) {
      const from = Math.max(lowest, to - stretch)
      const part = { events, partition, directory: directory(), from, to, commandKeys: missing, signal }
      for (const [commandKey, effect] of await findOutcomes(part)) {
        found.set(commandKey, effect)
        missing.delete(commandKey)
      }
      if (from > lowest && (await this.#writtenMs(partition, from, to, signal)) < sinceMs) break
      to = from
    }
    return found
  }

  /**
   * When the first record from `from` on was written that Roomway wrote itself: what stands below it is older. Others give their records what time
   * they like (of what they have imported, say). Infinity where there is none.
   */
  async #writtenMs(partition: number, from: number, to: number, signal: AbortSignal): Promise<number> {
    let writtenMs = Number.POSITIVE_INFINITY
    const found = new AbortController()
    const look = ({ records }: { readonly records: readonly BrokerRecord[] }) => {
      const own = records.find(isOwn)
      if (own === undefined || found.signal.aborted) return
      writtenMs = own.timeMs
      found.abort()
    }
    await this.#options.log.read(partition, from, to, look, AbortSignal.any([found.signal, signal]))
    return writtenMs
  }
}

const isOwn = ({ key, headers }: BrokerRecord): boolean =>
  key === systemNames.marker || headers[headerNames.time] !== undefined
