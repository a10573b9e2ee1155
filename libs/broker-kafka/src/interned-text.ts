/**
 * Remembers texts by their bytes. The same rooms and header names come again and again, and comparing bytes with the text remembered for
 * their hash is several times cheaper than decoding them. One text per slot; a newer one takes the place when it comes a second time, so
 * that ids, times and trace contexts, of which each comes once, push out nothing and cost no more than their decoding.
 */
export class InternedText {
  readonly #bytes: (Buffer | undefined)[]
  readonly #texts: string[]
  /** Of what came last to each slot without being known there. */
  readonly #strangers: Int32Array
  readonly #mask: number
  readonly #transform: (text: string) => string
  /** Longer texts are decoded every time. */
  readonly #maxBytes = 64

  /** @param slots a power of two */
  constructor(slots: number, transform: (text: string) => string = (text) => text) {
    this.#bytes = Array.from<Buffer | undefined>({ length: slots })
    this.#texts = Array.from({ length: slots }, () => '')
    this.#strangers = new Int32Array(slots)
    this.#mask = slots - 1
    this.#transform = transform
  }

  /** The text of the bytes in [start, end), read as UTF-8. */
  get(buffer: Buffer, start: number, end: number): string {
    const length = end - start
    if (length > this.#maxBytes) return this.#transform(buffer.toString('utf8', start, end))
    let hash = length
    for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + buffer[i]!) | 0
    const slot = (hash ^ (hash >>> 15)) & this.#mask
    const known = this.#bytes[slot]
    if (known !== undefined && equal(known, buffer, start, length)) return this.#texts[slot]!
    const text = this.#transform(buffer.toString('utf8', start, end))
    if (this.#strangers[slot] === hash) this.#remember(slot, text, buffer.subarray(start, end))
    this.#strangers[slot] = hash
    return text
  }

  #remember(slot: number, text: string, bytes: Buffer): void {
    this.#bytes[slot] = Buffer.from(bytes)
    this.#texts[slot] = text
  }
}

function equal(known: Buffer, buffer: Buffer, start: number, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== buffer[start + i]) return false
  return true
}
