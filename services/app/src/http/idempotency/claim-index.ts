import type { BrokerRecord } from '@roomway/broker'
import { DuplicateIndex, outcomeCounts } from '@roomway/records'
import { type Claim, parseClaim, parseClaimNote } from './claim.js'

export interface ClaimLimits {
  /** Claims that are remembered: the latest ones. */
  readonly maxClaims: number
  /** Bytes of what they say. */
  readonly maxBytes: number
  /** How long one holds, from its own time on. */
  readonly maxAgeMs: number
}

export const defaultClaimLimits: ClaimLimits = {
  maxClaims: 100_000,
  maxBytes: 64 * 1024 * 1024,
  maxAgeMs: 24 * 60 * 60 * 1_000,
}

/** The claim to go by, of a key. */
export interface KnownClaim {
  readonly claim: Claim
  /** Its events, by their places in the body, that are not known to be durable, while all others are; undefined where none is known to be. */
  readonly missing: readonly number[] | undefined
}

interface Kept {
  readonly timeMs: number
  readonly value: Uint8Array
  readonly seed: string
  missing: readonly number[] | undefined
}

/** What a place in a list is taken to occupy. */
const placeBytes = 8
const occupied = ({ value, missing = [] }: Kept): number => value.length + missing.length * placeBytes

/**
 * What the log `control` says of idempotency keys. Of several claims of one key that come at once the first counts, by the rule by which the
 * first outcome of a command does: a claim counts if no other of its key stands between what its writer had read and itself. So every
 * instance that reads the log comes to the same answer, and one made after an older one has expired takes its place for all of them.
 */
export class ClaimIndex {
  readonly #limits: ClaimLimits
  readonly #from: number
  readonly #lastOf = new DuplicateIndex()
  /** In the order of the log. */
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  /** `from`: where reading begins; 0 where that is the beginning of the log. */
  constructor(from: number, limits: ClaimLimits = defaultClaimLimits) {
    this.#from = from
    this.#limits = limits
  }

  get size(): number {
    return this.#kept.size
  }

  /** Takes every record of the log in order; tells the seed of a claim, whether or not it counts. */
  read(record: BrokerRecord): string | undefined {
    const note = parseClaimNote(record)
    if (note === undefined) return undefined
    if (note.type === 'settled') {
      const kept = this.#kept.get(note.hash)
      if (kept?.seed === note.seed) this.#settle(kept, note.missing)
      return undefined
    }
    const { offset } = record
    const last = this.#lastOf.note(note.hash, offset)
    const claim = parseClaim(note.hash, note.timeMs, record.value)
    if (claim === undefined) return undefined
    // Of what its writer had read before this reader begins nobody can tell any more; it has all but expired.
    const isJudgeable = note.seen >= this.#from - 1
    if (isJudgeable && outcomeCounts(offset, note.seen, last)) this.#keep(claim, record.value.slice())
    return claim.seed
  }

  /** The claim to go by; undefined where there is none, or it has expired. */
  get(hash: string, nowMs: number): KnownClaim | undefined {
    const kept = this.#kept.get(hash)
    if (kept === undefined || nowMs - kept.timeMs >= this.#limits.maxAgeMs) return undefined
    const claim = parseClaim(hash, kept.timeMs, kept.value)
    return claim && { claim, missing: kept.missing }
  }

  #keep({ hash, timeMs, seed }: Claim, value: Uint8Array): void {
    this.#forget(hash)
    this.#kept.set(hash, { timeMs, value, seed, missing: undefined })
    this.#bytes += value.length
    this.#forgetOldest()
  }

  /** What one request found durable is durable, whatever another missed, and whichever note comes first. */
  #settle(kept: Kept, missing: readonly number[]): void {
    this.#bytes -= occupied(kept)
    const now = new Set(missing)
    kept.missing = kept.missing?.filter((place) => now.has(place)) ?? missing
    this.#bytes += occupied(kept)
    this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= this.#limits.maxClaims && this.#bytes <= this.#limits.maxBytes) break
      this.#forget(oldest)
    }
  }

  #forget(hash: string): void {
    const kept = this.#kept.get(hash)
    if (kept === undefined) return
    this.#bytes -= occupied(kept)
    this.#kept.delete(hash)
  }
}
