/**
 * Remembers texts by their bytes. The same rooms and header names come again and again, and comparing bytes with the text remembered for
 * their hash is several times cheaper than decoding them. One text per slot; a newer one takes the place.
 */
export class InternedText {
  readonly #bytes: (Buffer | undefined)[]
  readonly #texts: string[]
  readonly #mask: number
  readonly #transform: (text: string) => string
  /** Longer texts are decoded every time. */
  readonly #maxBytes = 64

  /** @param slots a power of two */
  constructor(slots: number, transform: (text: string) => string = (text) => text) {
    this.#bytes = Array.from<Buffer | undefined>({ length: slots })
    this.#texts = Array.from({ length: slots }, () => '')
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
    return this.#remember(slot, buffer, start, end)
  }

  #remember(slot: number, buffer: Buffer, start: number, end: number): string {
    const text = this.#transform(buffer.toString('utf8', start, end))
    this.#bytes[slot] = Buffer.from(buffer.subarray(start, end))
    this.#texts[slot] = text
    return text
  }
}

function equal(known: Buffer, buffer: Buffer, start: number, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== buffer[start + i]) return false
  return true
}
