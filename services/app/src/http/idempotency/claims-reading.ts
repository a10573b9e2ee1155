import type { Batch, Log } from '@roomway/broker'
import { followPartition } from '../../duties/follow-partition.js'
import { ServiceRun } from '../../duties/service-run.js'
import { ClaimIndex, type ClaimLimits } from './claim-index.js'
import { claimsStart } from './claims-start.js'

export interface ClaimsReadingOptions {
  readonly control: Log
  readonly limits: ClaimLimits
  /** Told of each claim that is read, whether or not it counts. */
  readonly onClaim: (seed: string) => void
}

/** One reading of the log `control`, from where claims may still hold, on and on. */
export class ClaimsReading {
  readonly #options: ClaimsReadingOptions
  readonly #run: ServiceRun
  #index: ClaimIndex
  #position = 0

  constructor(options: ClaimsReadingOptions, signal: AbortSignal) {
    this.#options = options
    this.#run = new ServiceRun(signal)
    this.#index = new ClaimIndex(0, options.limits)
  }

  get index(): ClaimIndex {
    return this.#index
  }

  /** Every record below this offset has been read. */
  get position(): number {
    return this.#position
  }

  /** Resolves when it is over; `onCaughtUp` is told when everything has been read that was there at its beginning. */
  follow(onCaughtUp: () => void): Promise<void> {
    return this.#run.until(
      () => this.#open(onCaughtUp),
      async () => undefined,
    )
  }

  async #open(onCaughtUp: () => void): Promise<void> {
    const { control, limits } = this.#options
    const { signal } = this.#run
    const start = await control.start(0)
    const from = await claimsStart(control, Date.now() - limits.maxAgeMs, signal)
    const end = await control.end(0)
    this.#index = new ClaimIndex(from === start ? 0 : from, limits)
    this.#position = from
    let isCaughtUp = false
    const check = () => {
      if (isCaughtUp || this.#position < end || this.#run.isOver) return
      isCaughtUp = true
      onCaughtUp()
    }
    const take = (batch: Batch) => {
      this.#take(batch)
      check()
    }
    await followPartition({ run: this.#run, log: control, name: 'control', partition: 0, from, take })
    check()
  }

  #take({ records, nextOffset }: Batch): void {
    for (const record of records) {
      const seed = this.#index.read(record)
      this.#position = record.offset + 1
      if (seed !== undefined) this.#options.onClaim(seed)
    }
    this.#position = nextOffset
  }
}
