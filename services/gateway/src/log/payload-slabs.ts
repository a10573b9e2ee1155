import type { Spares } from './spares.js'

const slabBytes = 32 * 1024
/** A larger payload has a slab to itself. */
const sharedBytes = slabBytes / 8

/** Payloads one after the other. To the garbage collector it is one object, where payloads of their own would be one each. */
export interface PayloadSlab {
  readonly bytes: Buffer
  usedBytes: number
  /** Those that were not let go of. */
  payloads: number
}

/** One that payloads share. */
export const newSlab = (): PayloadSlab => slabOf(slabBytes)

/** Where the payloads of one window's events lie. A slab is free for others when all of its payloads were let go of. */
export class PayloadSlabs {
  readonly #spares: Spares<PayloadSlab>
  #shared: PayloadSlab | undefined

  constructor(spares: Spares<PayloadSlab>) {
    this.#spares = spares
  }

  /** Copies a payload: to the end of the slab that is returned. */
  add(payload: Uint8Array): PayloadSlab {
    const slab = this.#slabFor(payload.length)
    slab.bytes.set(payload, slab.usedBytes)
    slab.usedBytes += payload.length
    slab.payloads++
    return slab
  }

  /** One of the slab's payloads is of no use any more. With the last of them its bytes may be overwritten. */
  release(slab: PayloadSlab): void {
    slab.payloads--
    if (slab.payloads > 0 || slab.bytes.length !== slabBytes) return
    if (slab === this.#shared) this.#shared = undefined
    slab.usedBytes = 0
    this.#spares.give(slab)
  }

  #slabFor(length: number): PayloadSlab {
    if (length > sharedBytes) return slabOf(length)
    const shared = this.#shared
    if (shared !== undefined && shared.usedBytes + length <= slabBytes) return shared
    this.#shared = this.#spares.take()
    return this.#shared
  }
}

const slabOf = (length: number): PayloadSlab => ({ bytes: Buffer.allocUnsafeSlow(length), usedBytes: 0, payloads: 0 })
