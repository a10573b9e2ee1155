import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BrokerRecord, Logger } from '@roomway/broker'
import { within } from './faults.js'
import { type Link, LinkClosedError } from './link.js'
import type { QueueSender } from './queue-sender.js'
import type { StreamProbe } from './stream-probe.js'
import { StreamReader } from './stream-reader.js'
import {
  declareIncarnation,
  declareQueue,
  type Incarnation,
  type Names,
  restoreIncarnation,
  type StreamLimits,
  type StreamLogName,
  streamArguments,
  unbindIncarnation,
} from './topology.js'

/**
 * Which incarnation of each log is the present one, agreed on through one stream that nobody trims (`<prefix>.meta`). To begin a log, or
 * to replace an incarnation whose streams were deleted or truncated, a node appends a genesis record that names the epoch it replaces.
 * The first that names the present one wins; every node reads the same stream, so every node decides the same. The winner's writer
 * declares exchange, streams and bindings and says so by a second record; until then any node may complete the declaration, and
 * after it a missing stream is a deleted one, which calls for the next genesis.
 */
export interface EpochsTarget {
  readonly sender: QueueSender
  readonly reading: Link
  readonly probe: StreamProbe
  readonly names: Names
  readonly limits: StreamLimits
  readonly logger: Logger
  /** An incarnation is declared and is the present one of its log. Called again, with the same one, after the stream was read anew. */
  onPresent(incarnation: Incarnation): void
}

interface Present {
  readonly incarnation: Incarnation
  declared: boolean
}

const genesisKey = '$genesis'
const declaredKey = '$declared'
const settleMs = 30_000
const courtesyMs = 2_000
const retryMs = 500

export class Epochs {
  readonly #target: EpochsTarget
  readonly #present = new Map<StreamLogName, Present>()
  readonly #known = new Map<string, Incarnation>()
  /** Present when the stream of epochs was lost; only this process remembers them. */
  readonly #orphans = new Map<StreamLogName, Incarnation>()
  readonly #opened = new Map<StreamLogName, number>()
  readonly #proposed = new Set<string>()
  readonly #replacing = new Map<string, Promise<Incarnation>>()
  readonly #settling = new Map<StreamLogName, Promise<Incarnation>>()
  readonly #changed = new Set<() => void>()
  #reader: StreamReader | undefined
  #read: Promise<void> | undefined
  #isCaughtUp = false
  #closed = false

  constructor(target: EpochsTarget) {
    this.#target = target
  }

  /** The present incarnation of a log, complete. Makes the first one, with `partitions`, where the log has none. */
  async open(log: StreamLogName, partitions: number): Promise<Incarnation> {
    this.#opened.set(log, partitions)
    await this.#caughtUp()
    if (!this.#present.has(log)) await this.#propose({ log, epoch: newEpoch(), parent: '', partitions })
    const incarnation = await this.#settle(log)
    const { reading, names } = this.#target
    if (await restoreIncarnation(reading, names, incarnation)) return this.#settle(log)
    return this.replace(incarnation)
  }

  /** Puts another incarnation in place of this one, unless that has happened already. Resolves with the present one. */
  replace(incarnation: Incarnation): Promise<Incarnation> {
    let replacing = this.#replacing.get(incarnation.epoch)
    if (replacing === undefined) {
      replacing = this.#replace(incarnation).finally(() => this.#replacing.delete(incarnation.epoch))
      this.#replacing.set(incarnation.epoch, replacing)
    }
    return replacing
  }

  /** As `replace`, tried until it succeeds; `onPresent` tells. */
  replaceSoon(incarnation: Incarnation): void {
    void this.#inBackground(incarnation.log, () => this.replace(incarnation))
  }

  /**
   * A disk that lost the end of a log has mostly lost that of the stream of epochs too. Then what is present may be forgotten, to be read
   * anew, just while it is asked for here: the epoch to be replaced comes back as the present one, and the answer is to ask again.
   */
  async #replace({ log, epoch, partitions }: Incarnation): Promise<Incarnation> {
    for (;;) {
      await this.#caughtUp()
      if (this.#present.get(log)?.incarnation.epoch === epoch) {
        this.#target.logger.error(
          { log, epoch },
          'streams of a log were deleted or truncated; a new epoch of it begins',
        )
        await this.#propose({ log, epoch: newEpoch(), parent: epoch, partitions })
      }
      const present = await this.#settle(log)
      if (present.epoch !== epoch) return present
    }
  }

  /** Every incarnation on record, the present one of each log marked. */
  async history(): Promise<readonly { readonly incarnation: Incarnation; readonly isPresent: boolean }[]> {
    await this.#caughtUp()
    return [...this.#known.values()].map((incarnation) => ({
      incarnation,
      isPresent: this.#present.get(incarnation.log)?.incarnation === incarnation,
    }))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#wake()
    await this.#reader?.close()
  }

  /** Reads the stream to its end once; later calls wait for the same reading. */
  #caughtUp(): Promise<void> {
    this.#read ??= this.#begin().catch((error: unknown) => {
      this.#read = undefined
      throw error
    })
    return this.#read
  }

  async #begin(): Promise<void> {
    const { reading, probe, names, logger } = this.#target
    await declareQueue(reading, names.anchor, streamArguments('meta', {}))
    const end = await probe.end(names.anchor)
    if (this.#closed) throw new LinkClosedError('the broker is closed')
    await this.#reader?.close()
    const reader = new StreamReader(
      { link: reading, probe, logger, stream: names.anchor, partition: 0, keyedByRoute: false },
      0,
      { onRecords: (records) => this.#apply(records), onFault: () => this.#beginAgain() },
    )
    this.#reader = reader
    await this.#until(() => reader.nextOffset >= end)
    this.#isCaughtUp = true
    for (const present of this.#present.values()) this.#tellPresent(present)
  }

  /** The stream was deleted or lost its end: what it says now is read anew, and the logs in use are opened again. */
  #beginAgain(): void {
    this.#target.logger.error(
      { stream: this.#target.names.anchor },
      'the stream of epochs was deleted or truncated; reading it anew',
    )
    for (const { incarnation } of this.#present.values()) this.#orphans.set(incarnation.log, incarnation)
    this.#present.clear()
    this.#known.clear()
    this.#read = undefined
    this.#isCaughtUp = false
    for (const [log, partitions] of this.#opened) void this.#inBackground(log, () => this.open(log, partitions))
  }

  #apply(records: readonly BrokerRecord[]): void {
    for (const record of records) {
      const incarnation = incarnationOf(record.value)
      if (incarnation === undefined) continue
      if (record.key === genesisKey) this.#applyGenesis(incarnation)
      if (record.key === declaredKey) this.#applyDeclared(incarnation)
    }
    this.#wake()
  }

  #applyGenesis(genesis: Incarnation): void {
    const present = this.#present.get(genesis.log)?.incarnation
    if (genesis.parent !== (present?.epoch ?? '')) return
    this.#known.set(genesis.epoch, genesis)
    this.#present.set(genesis.log, { incarnation: genesis, declared: false })
    if (present === undefined || !this.#opened.has(genesis.log)) return
    void this.#inBackground(genesis.log, () => this.#settle(genesis.log))
  }

  #applyDeclared({ log, epoch }: Incarnation): void {
    const present = this.#present.get(log)
    if (present?.incarnation.epoch !== epoch) return
    present.declared = true
    this.#tellPresent(present)
  }

  /** Not while old records are read: what they say may have been replaced by a later one. */
  #tellPresent({ declared, incarnation }: Present): void {
    if (declared && this.#isCaughtUp && this.#opened.has(incarnation.log)) this.#target.onPresent(incarnation)
  }

  async #propose(genesis: Incarnation): Promise<void> {
    this.#proposed.add(genesis.epoch)
    await this.#append(genesisKey, genesis)
    await this.#until(() => (this.#present.get(genesis.log)?.incarnation.epoch ?? '') !== genesis.parent)
  }

  /** Waits until the present incarnation is declared, and declares it: at once where this node made it, else if its maker takes too long. */
  #settle(log: StreamLogName): Promise<Incarnation> {
    let settling = this.#settling.get(log)
    if (settling === undefined) {
      settling = this.#settleOnce(log).finally(() => this.#settling.delete(log))
      this.#settling.set(log, settling)
    }
    return settling
  }

  async #settleOnce(log: StreamLogName): Promise<Incarnation> {
    for (;;) {
      const present = this.#present.get(log)
      if (present?.declared === true) return present.incarnation
      if (present === undefined) {
        await this.#until(() => this.#present.has(log))
        continue
      }
      const isSettled = (): boolean => present.declared || this.#present.get(log) !== present
      if (!this.#proposed.has(present.incarnation.epoch))
        await this.#until(isSettled, courtesyMs).catch(() => undefined)
      if (!isSettled()) await this.#declare(present.incarnation)
      await this.#until(isSettled)
    }
  }

  async #declare(incarnation: Incarnation): Promise<void> {
    const { reading, names, limits } = this.#target
    await declareIncarnation(reading, names, limits, incarnation)
    const parent = this.#known.get(incarnation.parent) ?? this.#orphans.get(incarnation.log)
    if (parent !== undefined && parent.epoch !== incarnation.epoch) await unbindIncarnation(reading, names, parent)
    await this.#append(declaredKey, incarnation)
  }

  #append(key: string, value: Incarnation): Promise<void> {
    const options = { headers: { 'roomway-key': key, 'roomway-event': key }, contentType: 'application/json' }
    return this.#target.sender.send(this.#target.names.anchor, Buffer.from(JSON.stringify(value)), options)
  }

  /** Waits for a state that records of the stream bring about. @throws an Error where it does not come. */
  async #until(isTrue: () => boolean, ms = settleMs): Promise<void> {
    const lateMs = performance.now() + ms
    while (!isTrue()) {
      if (this.#closed) throw new LinkClosedError('the broker is closed')
      const change = new Promise<void>((resolve) => this.#changed.add(resolve))
      await within(
        change,
        Math.max(lateMs - performance.now(), 1),
        () => `stream ${this.#target.names.anchor} brought no answer within ${ms} ms`,
      )
    }
  }

  #wake(): void {
    const waiting = [...this.#changed]
    this.#changed.clear()
    for (const resolve of waiting) resolve()
  }

  async #inBackground(log: StreamLogName, work: () => Promise<unknown>): Promise<void> {
    while (!this.#closed) {
      try {
        await work()
        return
      } catch (error) {
        if (this.#closed || error instanceof LinkClosedError) return
        this.#target.logger.warn({ log, error }, 'the present epoch of a log could not be settled; trying again')
        await sleep(retryMs)
      }
    }
  }
}

/** Undefined where somebody else wrote something else into the stream: every node passes over the same records. */
function incarnationOf(value: Uint8Array): Incarnation | undefined {
  try {
    const { log, epoch, parent, partitions } = JSON.parse(Buffer.from(value).toString()) as Partial<Incarnation>
    if (log === undefined || typeof epoch !== 'string' || epoch === '' || typeof parent !== 'string') return undefined
    return Number.isInteger(partitions) && partitions! > 0 ? { log, epoch, parent, partitions: partitions! } : undefined
  } catch {
    return undefined
  }
}

/** Nine characters of 46 random bits: short in every position a client holds. */
function newEpoch(): string {
  return BigInt(`0x${randomBytes(6).toString('hex')}`).toString(36)
}
