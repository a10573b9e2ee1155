import type { Batch, Log } from '@roomway/broker'
import { parseDeadNote } from '@roomway/records'
import { followPartition } from '../../duties/follow-partition.js'
import { ServiceRun } from '../../duties/service-run.js'

const maxNotes = 100_000

/** Which dead letters are settled, as far as the log `dead` has been read. The latest 100,000 notes are remembered. */
export class DeadIndex {
  readonly #log: Log
  readonly #run: ServiceRun
  readonly #settled = new Set<string>()
  #position = 0
  #waiting: { readonly offset: number; readonly resolve: () => void }[] = []

  constructor(log: Log, signal: AbortSignal) {
    this.#log = log
    this.#run = new ServiceRun(signal)
  }

  isSettled(letterId: string): boolean {
    return this.#settled.has(letterId)
  }

  /** Resolves when everything below this offset has been read. */
  whenRead(offset: number): Promise<void> {
    if (this.#position >= offset) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ offset, resolve }))
  }

  /** Follows the log from its start on; resolves when that is over. @throws what it failed with. */
  follow(onFollowing: () => void): Promise<void> {
    const open = async () => {
      const from = await this.#log.start(0)
      this.#position = from
      const take = (batch: Batch) => this.#take(batch)
      await followPartition({ run: this.#run, log: this.#log, name: 'dead', partition: 0, from, take })
      onFollowing()
    }
    return this.#run.until(open, async () => {
      for (const { resolve } of this.#waiting.splice(0)) resolve()
    })
  }

  #take({ records, nextOffset }: Batch): void {
    for (const record of records) {
      const note = parseDeadNote(record)
      if (note !== undefined) this.#note(note.id)
    }
    this.#position = nextOffset
    const reached = this.#waiting.filter(({ offset }) => offset <= nextOffset)
    this.#waiting = this.#waiting.filter(({ offset }) => offset > nextOffset)
    for (const { resolve } of reached) resolve()
  }

  #note(letterId: string): void {
    this.#settled.delete(letterId)
    this.#settled.add(letterId)
    if (this.#settled.size <= maxNotes) return
    const [oldest] = this.#settled
    this.#settled.delete(oldest!)
  }
}
