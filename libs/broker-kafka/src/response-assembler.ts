const prefixBytes = 4
/** Far above any answer that is asked for: what claims to be longer comes from something that is no Kafka. */
const maxResponseBytes = 256 * 1024 * 1024

/**
 * Puts what a broker sends together to whole responses, each with its length before it (Kafka protocol guide, "Protocol primitives"), in one piece of
 * memory of its own.
 */
export class ResponseAssembler {
  readonly #onBytes: (bytes: Buffer) => void
  readonly #prefix = Buffer.alloc(prefixBytes)
  #prefixFilled = 0
  #response: Buffer | undefined
  #filled = 0
  #isForeign = false

  /** `onBytes` gets one response at a time; where one says of itself that its length is below 0 or above 256 MiB, it gets from there on what comes, as it comes. */
  constructor(onBytes: (bytes: Buffer) => void) {
    this.#onBytes = onBytes
  }

  /** `bytes` are borrowed: the next that are read may lie in the same memory. */
  take(bytes: Buffer): void {
    let at = 0
    while (at < bytes.length && !this.#isForeign) {
      at = this.#response === undefined ? this.#begin(bytes, at) : this.#fill(this.#response, bytes, at)
    }
    if (at < bytes.length) this.#onBytes(Buffer.from(bytes.subarray(at)))
  }

  #begin(bytes: Buffer, start: number): number {
    const prefix = this.#prefix
    const end = start + bytes.copy(prefix, this.#prefixFilled, start)
    this.#prefixFilled += end - start
    if (this.#prefixFilled < prefixBytes) return end
    this.#prefixFilled = 0
    const length = prefix.readInt32BE()
    this.#isForeign = length < 0 || length > maxResponseBytes
    if (length <= 0 || this.#isForeign) this.#onBytes(Buffer.from(prefix))
    else {
      this.#response = Buffer.allocUnsafe(prefixBytes + length)
      this.#filled = prefix.copy(this.#response)
    }
    return end
  }

  #fill(response: Buffer, bytes: Buffer, start: number): number {
    const copied = bytes.copy(response, this.#filled, start)
    this.#filled += copied
    if (this.#filled === response.length) {
      this.#response = undefined
      this.#onBytes(response)
    }
    return start + copied
  }
}
