const slabBytes = 32 * 1024
/** A larger payload has a slab to itself. */
const sharedBytes = slabBytes / 8

/**
 * Where the payloads of one window's events lie, one after the other. A slab goes when the last event in it is forgotten, and a window forgets in the
 * order in which it was filled. To the garbage collector it is one object, where payloads of their own would be one each.
 */
export class PayloadSlabs {
  /** The slab of the payload that was added last. */
  latest: Buffer = Buffer.alloc(0)
  #shared = Buffer.alloc(0)
  #used = 0

  /** Copies a payload. Returns its place in `latest`. */
  add(payload: Uint8Array): number {
    const { length } = payload
    if (length > sharedBytes) return this.#own(payload)
    if (this.#used + length > this.#shared.length) {
      this.#shared = Buffer.allocUnsafeSlow(slabBytes)
      this.#used = 0
    }
    const start = this.#used
    this.#shared.set(payload, start)
    this.#used += length
    this.latest = this.#shared
    return start
  }

  #own(payload: Uint8Array): number {
    this.latest = Buffer.allocUnsafeSlow(payload.length)
    this.latest.set(payload)
    return 0
  }
}
