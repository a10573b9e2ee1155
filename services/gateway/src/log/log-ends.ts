/*
 * The ends of the partitions of a log, for all who ask at about the same time: a broker's answer costs it a request, or an append. Who asks is
 * answered by a question that began after that, since one that was under way may tell of an end below what was written since.
 */

export interface LogEndsOptions {
  readonly end: (partition: number) => Promise<number>
  /** Between the beginnings of two questions about a partition. Default 250. */
  readonly everyMs?: number
}

interface Asked {
  readonly beganAtMs: number
  /** Of those who came since then. */
  next: Promise<number> | undefined
}

export class LogEnds {
  readonly #end: LogEndsOptions['end']
  readonly #everyMs: number
  readonly #asked = new Map<number, Asked>()

  constructor({ end, everyMs = 250 }: LogEndsOptions) {
    this.#end = end
    this.#everyMs = everyMs
  }

  /** The partition's end, or a later one. @throws as `Log.end`. */
  of(partition: number): Promise<number> {
    const asked = this.#asked.get(partition)
    const waitMs = asked === undefined ? 0 : asked.beganAtMs + this.#everyMs - performance.now()
    if (asked === undefined || (waitMs <= 0 && asked.next === undefined)) return this.#ask(partition)
    asked.next ??= new Promise((resolve) => {
      setTimeout(() => resolve(this.#ask(partition)), Math.max(0, waitMs)).unref()
    })
    return asked.next
  }

  #ask(partition: number): Promise<number> {
    this.#asked.set(partition, { beganAtMs: performance.now(), next: undefined })
    return this.#end(partition)
  }
}
