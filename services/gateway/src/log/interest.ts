import { placesCount } from '@roomway/protocol'

/**
 * Which partitions of the events log a node follows: all, or those in which something is here. One it follows in any case, so that a
 * client that does not say where its rooms are has somewhere to be. Time is counted in rounds, not by a clock: who wants a partition says so once in
 * some rounds, and a clock that jumps would have forgotten it before it had its turn.
 */
export class Interest {
  readonly followsAll: boolean
  /** The round in which each was last wanted, in the order in which they came to be. */
  readonly #wantedIn = new Map<number, number>()
  #round = 0
  /** In [0, 1): which partition it is while none is wanted. */
  readonly #first: number

  constructor(follow: 'all' | 'wanted', first = Math.random()) {
    this.followsAll = follow === 'all'
    this.#first = first
  }

  /** Of a log with `count` partitions, in order. */
  partitions(count: number): number[] {
    if (this.followsAll) return Array.from({ length: count }, (_, partition) => partition)
    const wanted = [...this.#wantedIn.keys()].filter((partition) => partition < count)
    return wanted.length === 0 ? [this.#firstOf(count)] : wanted.sort((a, b) => a - b)
  }

  want(partition: number): void {
    if (!this.followsAll) this.#wantedIn.set(partition, this.#round)
  }

  /** The log has another number of partitions: where what is here has its homes now will show. */
  wantEach(count: number): void {
    this.#wantedIn.clear()
    for (let partition = 0; partition < count; partition++) this.want(partition)
  }

  /** It cannot be followed. */
  forget(partition: number): void {
    this.#wantedIn.delete(partition)
  }

  /** A round is over: what was wanted neither in it nor in the `rounds` before is wanted no more, if anything else is. */
  endRound(rounds: number): void {
    for (const [partition, round] of this.#wantedIn)
      if (round < this.#round - rounds && this.#wantedIn.size > 1) this.#wantedIn.delete(partition)
    this.#round++
  }

  /** The partition of a place, where the number of partitions divides that of places; else the one that has been wanted for the longest. */
  partitionNear(place: number | undefined, count: number): number {
    if (place !== undefined && placesCount % count === 0) return place % count
    for (const partition of this.#wantedIn.keys()) if (partition < count) return partition
    return this.#firstOf(count)
  }

  #firstOf(count: number): number {
    return Math.floor(this.#first * count)
  }
}
