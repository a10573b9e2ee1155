/*
 * What became of commands of which the index does not tell: those that may have an outcome from before it begins, and those of whose outcome it kept
 * only the place. What stands above its floor of now the index knew when the command came, or the scan has told since.
 */
import type { Log } from '@roomway/broker'
import { findRecentOutcomes, type RoomDirectory } from '@roomway/records'
import type { ServiceRun } from '../duties/service-run.js'
import type { AppCounters } from '../operations/app-counters.js'
import type { OutcomeIndex } from './outcome-index.js'
import type { PendingCommand } from './pending-command.js'

export interface EarlierOutcomesOptions {
  readonly events: Log
  readonly counters: AppCounters
  /** How long after its first sending a session's command may come again. */
  readonly repeatSpanMs: number
}

export interface EarlierOutcomesPlace {
  readonly partition: number
  readonly run: ServiceRun
  readonly directory: RoomDirectory
  readonly eventsEpoch: string
  /** The outcomes that count, from its floor up to where the events are read. */
  readonly index: OutcomeIndex
}

/** Read in a fraction of a second. */
const shortOffsets = 32_768

export class EarlierOutcomes {
  readonly #options: EarlierOutcomesOptions
  readonly #place: EarlierOutcomesPlace
  #long: Promise<void> = Promise.resolve()
  /** Those of the next long search, while one is under way. */
  #next: { readonly commands: PendingCommand[]; readonly found: Promise<void> } | undefined

  constructor(options: EarlierOutcomesOptions, place: EarlierOutcomesPlace) {
    this.#options = options
    this.#place = place
  }

  /** Whether it may have an outcome that is not known. */
  isUnsure(pending: PendingCommand): boolean {
    return this.#stretchOf(pending) !== undefined
  }

  /** Whether to look for it may take minutes: nothing but its place bounds where its outcome may be. */
  isLong(pending: PendingCommand): boolean {
    const stretch = this.#stretchOf(pending)
    return stretch !== undefined && !isDated(pending) && stretch.to - stretch.from > shortOffsets
  }

  /** Resolves when `found` is what became of each that has an outcome; where the run is over, at once. @throws as `Log.read`. */
  async find(commands: readonly PendingCommand[]): Promise<void> {
    const unsure = commands.filter((pending) => this.isUnsure(pending))
    const long = unsure.filter((pending) => this.isLong(pending))
    const short = unsure.filter((pending) => !this.isLong(pending))
    await Promise.all([
      this.#search(
        short.filter((pending) => !isDated(pending)),
        Number.POSITIVE_INFINITY,
      ),
      this.#search(short.filter(isDated), this.#options.repeatSpanMs),
      long.length > 0 ? this.#searchInTurn(long) : undefined,
    ])
  }

  /** One long search at a time, so that they do not take the broker's reads; who comes meanwhile is looked for together, in the next. */
  #searchInTurn(commands: readonly PendingCommand[]): Promise<void> {
    if (this.#next !== undefined) {
      this.#next.commands.push(...commands)
      return this.#next.found
    }
    const together = [...commands]
    const found = this.#long.then(() => {
      this.#next = undefined
      return this.#search(together, Number.POSITIVE_INFINITY)
    })
    this.#next = { commands: together, found }
    this.#long = found
    return found
  }

  /** Nothing is looked for that was written more than `spanMs` before the first of these commands came. */
  async #search(unsure: readonly PendingCommand[], spanMs: number): Promise<void> {
    if (unsure.length === 0) return
    const stretches = unsure.flatMap((pending) => this.#stretchOf(pending) ?? [])
    const { events, counters } = this.#options
    const { partition, directory, run } = this.#place
    counters.searches++
    const found = await findRecentOutcomes({
      events,
      partition,
      directory,
      from: Math.min(...stretches.map(({ from }) => from)),
      to: Math.max(...stretches.map(({ to }) => to)),
      commandKeys: new Set(unsure.map(({ key }) => key)),
      sinceMs: Math.min(...unsure.map(({ command }) => command.timeMs)) - spanMs,
      signal: run.signal,
    })
    for (const pending of unsure) {
      pending.found = found.get(pending.key)
      if (pending.isRead && pending.found !== undefined && pending.knownAt === undefined) counters.repeats++
    }
  }

  /** Where an outcome of it may stand that the index does not tell of. Of an `after` from another epoch nothing is known. */
  #stretchOf({ command, found, knownAt }: PendingCommand): { from: number; to: number } | undefined {
    if (found !== undefined) return undefined
    if (knownAt !== undefined) return { from: knownAt, to: knownAt + 1 }
    const { after } = command
    const from = after.epoch === this.#place.eventsEpoch ? after.offset + 1 : 0
    const to = this.#place.index.floor
    return from < to ? { from, to } : undefined
  }
}

/** A session's command comes again for some minutes only; others say themselves from where they may have an outcome. */
const isDated = ({ command, knownAt }: PendingCommand): boolean => command.door === undefined && knownAt === undefined
