/*
 * `Idempotency-Key`s. Before anything of a keyed request is published, a claim of the key is durable in the log `control`, with all that
 * decides what is published: ids, and where outcomes of them may begin. Each instance follows that log, and of several claims goes by the one
 * that counts there, its own or another's. So the events of all requests with one key are the same commands, and commands have one effect.
 */
import { randomUUID } from 'node:crypto'
import type { Log, Logger } from '@roomway/broker'
import { RecordWriter } from '@roomway/records'
import { PartitionDuties } from '../../duties/partition-duties.js'
import { type Claim, claimRecord, settledRecord } from './claim.js'
import { type ClaimLimits, defaultClaimLimits, type KnownClaim } from './claim-index.js'
import { ClaimsReading } from './claims-reading.js'

export interface PublishClaimsOptions {
  readonly control: Log
  readonly logger: Logger
  /** After this long without becoming durable a claim is given up. */
  readonly giveUpAfterMs: number
  readonly limits?: ClaimLimits
}

export type NewClaim = Omit<Claim, 'seed' | 'timeMs'>

export class PublishClaims {
  readonly #options: PublishClaimsOptions
  readonly #writer: RecordWriter
  readonly #following: PartitionDuties
  readonly #underWay = new Map<string, Promise<KnownClaim>>()
  /** Claims that were written here and not read yet, by seed. */
  readonly #unread = new Map<string, () => void>()
  #reading: ClaimsReading | undefined
  #waiting: (() => void)[] = []
  #isClosed = false

  constructor(options: PublishClaimsOptions) {
    const { control, logger, giveUpAfterMs } = options
    this.#options = options
    this.#writer = new RecordWriter({ log: control, logger, giveUpAfterMs })
    this.#following = new PartitionDuties({
      name: 'idempotency keys',
      logger,
      serve: (_partition, signal, onServing) => this.#follow(signal, onServing),
    })
  }

  /** Begins to follow the log. */
  open(): void {
    this.#following.onOwned(0)
  }

  /** Whether what was claimed before this instance started has been read. */
  get isReady(): boolean {
    return this.#reading !== undefined
  }

  /**
   * The claim that counts of a key: one that is known, else what becomes of `make`. It is for the caller to compare the fingerprint.
   * @throws AppendError where none became durable in time, and what `make` throws.
   */
  async claim(hash: string, make: () => Promise<NewClaim>): Promise<KnownClaim> {
    const { index } = await this.#whenReading()
    return index.get(hash, Date.now()) ?? this.#underWay.get(hash) ?? this.#begin(hash, make)
  }

  /** All events of the claim but those at the places `missing` are durable, and need not be published again. Nothing rests on it. */
  settle(claim: Claim, missing: readonly number[]): void {
    this.#writer.write(0, () => settledRecord(claim, missing)).catch(() => undefined)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#following.close()
    for (const resolve of this.#waiting.splice(0)) resolve()
    await this.#writer.close()
  }

  #begin(hash: string, make: () => Promise<NewClaim>): Promise<KnownClaim> {
    const claiming = this.#write(hash, make).finally(() => this.#underWay.delete(hash))
    this.#underWay.set(hash, claiming)
    return claiming
  }

  /** Writes a claim until one of the key counts. */
  async #write(hash: string, make: () => Promise<NewClaim>): Promise<KnownClaim> {
    const claim: Claim = { ...(await make()), seed: randomUUID(), timeMs: Date.now() }
    for (;;) {
      const { index } = await this.#whenReading()
      const known = index.get(hash, Date.now())
      if (known !== undefined) return known
      await this.#append(claim)
    }
  }

  /** Resolves when the claim is durable and was read, or need not be written, or the log is being read anew. */
  async #append(claim: Claim): Promise<void> {
    const read = new Promise<void>((resolve) => this.#unread.set(claim.seed, resolve))
    try {
      await this.#writer.write(0, () => {
        const isNeeded = this.#reading !== undefined && this.#reading.index.get(claim.hash, Date.now()) === undefined
        if (!isNeeded) this.#unread.get(claim.seed)?.()
        return isNeeded ? claimRecord(claim, this.#reading!.position - 1) : undefined
      })
      await read
    } finally {
      this.#unread.delete(claim.seed)
    }
  }

  async #whenReading(): Promise<ClaimsReading> {
    while (this.#reading === undefined) {
      if (this.#isClosed) throw new Error('the instance is closing')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    return this.#reading
  }

  async #follow(signal: AbortSignal, onServing: () => void): Promise<void> {
    const { control, limits = defaultClaimLimits } = this.#options
    const onClaim = (seed: string) => this.#unread.get(seed)?.()
    const reading = new ClaimsReading({ control, limits, onClaim }, signal)
    try {
      await reading.follow(() => {
        this.#reading = reading
        for (const resolve of this.#waiting.splice(0)) resolve()
        onServing()
      })
    } finally {
      this.#reading = undefined
      for (const resolve of this.#unread.values()) resolve()
    }
  }
}
