/** Where an event stream's text goes. */
export interface Sink {
  /** Takes all of `text`; false where it could not pass it on at once: `Outbox.writable` is called when there is room again. */
  write(text: string): boolean
}

interface Waiting {
  readonly text: string
  readonly bytes: number
}

/** Handed over at once; also how much is gathered before the end of a turn of the event loop. */
const chunkBytes = 65_536

/**
 * What waits to be written to one client. What comes in one turn of the event loop is written at its end, together; while the network takes
 * nothing, nothing more is handed over.
 */
export class Outbox {
  readonly #sink: Sink
  readonly #onWritten: () => void
  #waiting: Waiting[] = []
  #bytes = 0
  #handedOverBytes = 0
  #state: 'held' | 'open' | 'full' | 'closed' = 'held'
  #isScheduled = false

  /** `onWritten` is called when fewer bytes wait than before. */
  constructor(sink: Sink, onWritten: () => void) {
    this.#sink = sink
    this.#onWritten = onWritten
  }

  /** Bytes that the network has not taken yet. */
  get bytes(): number {
    return this.#bytes + this.#handedOverBytes
  }

  /** `text` is whole events. */
  push(text: string, bytes: number): void {
    if (this.#state === 'closed') return
    this.#waiting.push({ text, bytes })
    this.#bytes += bytes
    if (this.#bytes >= chunkBytes) this.#write()
    if (this.#waiting.length > 0) this.#schedule()
  }

  /** Until this is called everything waits. */
  open(): void {
    if (this.#state !== 'held') return
    this.#state = 'open'
    this.#schedule()
  }

  /** The sink has room again. */
  writable(): void {
    if (this.#state !== 'full') return
    this.#state = 'open'
    this.#handedOverBytes = 0
    this.#write()
    this.#onWritten()
  }

  /** Hands over all that waits, whether the network takes it or not; nothing is taken after it. */
  close(): void {
    if (this.#state !== 'held' && this.#waiting.length > 0) this.#sink.write(textOf(this.#waiting))
    this.discard()
  }

  discard(): void {
    this.#state = 'closed'
    this.#waiting = []
    this.#bytes = 0
  }

  #schedule(): void {
    if (this.#isScheduled || this.#state !== 'open') return
    this.#isScheduled = true
    setImmediate(this.#writeScheduled)
  }

  readonly #writeScheduled = (): void => {
    this.#isScheduled = false
    if (this.#state === 'closed') return
    this.#write()
    this.#onWritten()
  }

  #write(): void {
    while (this.#waiting.length > 0 && this.#state === 'open') {
      let end = 0
      let bytes = 0
      while (end < this.#waiting.length && bytes < chunkBytes) bytes += this.#waiting[end++]!.bytes
      const chunk = this.#waiting.slice(0, end)
      this.#waiting = this.#waiting.slice(end)
      this.#bytes -= bytes
      if (this.#sink.write(textOf(chunk))) continue
      this.#state = 'full'
      this.#handedOverBytes = bytes
    }
  }
}

const textOf = (waiting: readonly Waiting[]): string => waiting.map(({ text }) => text).join('')
