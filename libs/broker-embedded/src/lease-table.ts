import type { Lease, LeaseObserver, Logger } from '@roomway/broker'

interface Claimer {
  readonly observer: LeaseObserver
  readonly owned: Set<number>
}

/** Who serves the partitions of one duty, among the claimers in this process: as evenly as can be, moving as few as can be. */
export class LeaseTable {
  readonly partitions: number
  readonly #logger: Logger
  readonly #claimers = new Set<Claimer>()
  #scheduled = false

  constructor(partitions: number, logger: Logger) {
    this.partitions = partitions
    this.#logger = logger
  }

  get isEmpty(): boolean {
    return this.#claimers.size === 0
  }

  /** The observer hears of its partitions soon after, never during the call. */
  claim(observer: LeaseObserver): Lease {
    const claimer: Claimer = { observer, owned: new Set() }
    this.#claimers.add(claimer)
    this.#schedule()
    return { close: () => Promise.resolve(this.#leave(claimer)) }
  }

  #leave(claimer: Claimer): void {
    if (!this.#claimers.delete(claimer)) return
    for (const partition of claimer.owned) this.#take(claimer, partition)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#share()
    })
  }

  #share(): void {
    this.#shrink()
    const free = this.#free()
    for (const partition of free) {
      const [least] = [...this.#claimers].sort((one, other) => one.owned.size - other.owned.size)
      if (least === undefined) return
      least.owned.add(partition)
      this.#tell(() => least.observer.onOwned(partition))
    }
  }

  /** Takes what exceeds an even share: the first claimers keep one more where the partitions do not divide. */
  #shrink(): void {
    const least = Math.floor(this.partitions / Math.max(1, this.#claimers.size))
    let larger = this.partitions - least * this.#claimers.size
    for (const claimer of this.#claimers) {
      const share = claimer.owned.size > least && larger > 0 ? least + 1 : least
      if (share > least) larger -= 1
      for (const partition of [...claimer.owned].slice(share)) this.#take(claimer, partition)
    }
  }

  #free(): number[] {
    const owned = new Set([...this.#claimers].flatMap((claimer) => [...claimer.owned]))
    return Array.from({ length: this.partitions }, (_, partition) => partition).filter((each) => !owned.has(each))
  }

  #take(claimer: Claimer, partition: number): void {
    claimer.owned.delete(partition)
    this.#tell(() => claimer.observer.onLost(partition))
  }

  #tell(call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#logger.error({ err: error }, 'a lease observer threw')
    }
  }
}
