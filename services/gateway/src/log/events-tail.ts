/*
 * A node's reading of the events log: the partitions that it follows are tailed into a recent window each, and an event goes to its room in the same
 * synchronous step in which it enters the window. Ready means that the windows reach up to an end that was asked for after the start. A
 * partition that is followed later is as one of a node that lags: its window begins at an end that the broker was asked for, below it there is the log.
 */
import { type Batch, type Log, type Logger, PositionError, type ResetReason, type Tail } from '@roomway/broker'
import { type ReadEvent, RoomDirectory } from '@roomway/records'
import {
  type Bounds,
  boundsOf,
  type Faults,
  type FollowedPartition,
  isWithin,
  knownBoundsOf,
  openPartition,
  outcomeAbove,
  type PartitionOptions,
} from './followed-partition.js'
import { Interest } from './interest.js'
import { PartitionUpkeep, type PartitionUpkeepOptions } from './partition-upkeep.js'
import type { RecentWindow } from './recent-window.js'
import { Reopening } from './reopening.js'
import { WindowMemory } from './window-memory.js'

export interface EventsTailOptions extends PartitionOptions, PartitionUpkeepOptions {
  readonly log: Log
  readonly logger: Logger
  /** Which partitions are followed. Default all; `wanted`: those that were reached for, until nothing wants them any more. */
  readonly follow?: 'all' | 'wanted'
  readonly windowMaxBytes: number
  readonly onEvent: (event: ReadEvent, window: RecentWindow, readAtMs: number) => void
  /** The home of a room that the node has, in the log of this epoch. Default: it has none. */
  readonly knownHome?: (room: string, epoch: string | undefined) => number | undefined
  /** The log began anew, or cannot be read on from where the node was: the windows of these partitions are new and empty. */
  readonly onReset: (reason: ResetReason, partitions: ReadonlySet<number>) => void
}

const checkEveryMs = 1_000

export class EventsTail {
  readonly #options: EventsTailOptions
  readonly #memory: WindowMemory
  readonly #interest: Interest
  readonly #upkeep: PartitionUpkeep
  #directory: RoomDirectory
  #partitions: ReadonlyMap<number, FollowedPartition> = new Map()
  /** Of the log that the windows are of. */
  #windowsEpoch: string | undefined
  #tail: Tail | undefined
  #state: 'opening' | 'open' | 'closed' = 'opening'
  #checks: NodeJS.Timeout | undefined
  readonly #reopening: Reopening
  #opening: Promise<void> = Promise.resolve()
  #extending: Promise<Faults> | undefined
  /** Counts the tails: only the latest is heard. */
  #turn = 0

  constructor(options: EventsTailOptions) {
    this.#options = options
    this.#memory = new WindowMemory(options.windowMaxBytes)
    this.#directory = this.#newDirectory()
    this.#interest = new Interest(options.follow ?? 'all')
    this.#upkeep = new PartitionUpkeep(options)
    this.#reopening = new Reopening({
      logger: options.logger,
      isOpening: () => this.#isOpening(),
      leave: () => this.#leave(),
      begin: (reason) => this.#begin(reason),
    })
  }

  get epoch(): string {
    return this.#options.log.epoch
  }

  get directory(): RoomDirectory {
    return this.#directory
  }

  get windowBytes(): number {
    return this.#memory.usedBytes
  }

  /** What was read within so many seconds is in the windows. */
  windowSeconds(nowMs = Date.now()): number {
    const seconds = Math.min(this.#options.windowMaxAgeMs / 1_000, nowMs / 1_000 - this.#memory.forgottenUpToSeconds)
    return Math.max(0, seconds)
  }

  /** Fills the windows and follows the log until `close`. Rejects only where the log cannot be read at all at the start. */
  async open(): Promise<void> {
    this.#opening = this.#begin('epoch')
    await this.#opening
    this.#checks = setInterval(() => this.#check(), checkEveryMs)
    this.#checks.unref()
  }

  get followsAll(): boolean {
    return this.#interest.followsAll
  }

  /** The room's home partition, -1 where the name is not valid. */
  homeOf(room: string): number {
    return this.#directory.lookUp(room)
  }

  /** The partition for what has no home yet, as a new session has none. */
  partitionNear(place: number | undefined): number {
    return this.#interest.partitionNear(place, this.#options.log.partitions)
  }

  /**
   * Sees to it that the partitions are followed. Undefined where they are; else ask again when the promise is done. Numbers below 0 are passed over.
   * Rejects where the broker cannot be asked for them.
   */
  reach(partitions: Iterable<number>): Promise<void> | undefined {
    const reached = [...partitions].filter((partition) => partition >= 0)
    for (const partition of reached) this.want(partition)
    if (reached.every((partition) => this.#partitions.has(partition))) return undefined
    this.#extending ??= this.#extend().finally(() => {
      this.#extending = undefined
    })
    return this.#extending.then((faults) => {
      for (const partition of reached) if (faults.has(partition)) throw faults.get(partition)
    })
  }

  /** Something in the partition is here. */
  want(partition: number): void {
    this.#interest.want(partition)
  }

  /** Ends a round: partitions that nothing has wanted in it, nor in the `rounds` before, are followed no more. */
  leaveIdle(rounds: number): void {
    if (this.#state !== 'open' || this.#extending !== undefined) return
    this.#interest.endRound(rounds)
    const wanted = new Set(this.#interest.partitions(this.#options.log.partitions))
    const idle = [...this.#partitions].filter(([partition]) => !wanted.has(partition))
    if (idle.length === 0) return
    for (const [, { window }] of idle) window.clear()
    this.#partitions = new Map([...this.#partitions].filter(([partition]) => wanted.has(partition)))
    void this.#followAnew()
  }

  /** The window of the room's home partition, which was reached for. */
  windowOf(room: string): RecentWindow {
    return this.#followed(this.#directory.lookUp(room)).window
  }

  /** The window of a partition that is followed. */
  window(partition: number): RecentWindow {
    return this.#followed(partition).window
  }

  /** Of the partitions that are followed. */
  windows(): readonly RecentWindow[] {
    return [...this.#partitions.values()].map(({ window }) => window)
  }

  /** See there: of a command to the room. */
  outcomeAbove(room: string, commandKey: string, after: number): number | undefined {
    return outcomeAbove(this.#followed(this.#directory.lookUp(room)), commandKey, after)
  }

  /** The offset from which on the room's partition was live when the node began: below it, events are history. */
  historyEnd(room: string): number {
    return this.#followed(this.#directory.lookUp(room)).readyAt
  }

  /** Why the node should get no new clients; empty when it may. */
  unready(): string[] {
    if (this.#state !== 'open') return ['the events log is being opened']
    return this.#upkeep.faults(this.#partitions.values())
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    clearInterval(this.#checks)
    this.#turn++ // a tail that is being opened for further partitions is not waited for, nor heard
    await this.#reopening.done
    await this.#tail?.close()
    for (const window of this.windows()) window.clear()
  }

  #followed(partition: number): FollowedPartition {
    const followed = this.#partitions.get(partition)
    if (followed === undefined) throw new Error(`partition ${partition} of the events log is not followed here`)
    return followed
  }

  #newDirectory(): RoomDirectory {
    const { log, knownHome } = this.#options
    return new RoomDirectory(log.partitions, (room) => knownHome?.(room, this.#windowsEpoch))
  }

  /** Goes on where each partition was; one that cannot be read on from there, or is of another log, begins anew. */
  async #begin(reason: ResetReason): Promise<void> {
    const { log } = this.#options
    const { epoch } = log
    if (log.partitions !== this.#directory.partitions) this.#interest.wantEach(log.partitions)
    const bounds = await boundsOf(log, this.#interest.partitions(log.partitions))
    if (epoch !== this.epoch) return this.#begin(reason) // the bounds are of two logs
    const isSameLog = this.#windowsEpoch === epoch
    const former = this.#partitions
    if (!isSameLog) this.#directory = this.#newDirectory()
    const goesOn = new Map([...former].filter(([p, { scannedTo }]) => isSameLog && isWithin(bounds.get(p), scannedTo)))
    for (const [p, { window }] of former) if (!goesOn.has(p)) window.clear()
    const anew = new Map([...bounds].filter(([p]) => !goesOn.has(p)))
    this.#windowsEpoch = epoch
    this.#partitions = new Map([...bounds.keys()].map((p) => [p, goesOn.get(p) ?? this.#open(p, anew.get(p)!, false)]))
    if (anew.size > 0) this.#options.onReset(isSameLog ? reason : 'epoch', new Set(anew.keys()))
    await this.#follow()
  }

  /** Follows what is wanted and not followed yet. Resolves to why some could not be. */
  async #extend(): Promise<Faults> {
    while (this.#isOpening()) await Promise.all([this.#opening, this.#reopening.done])
    const { log } = this.#options
    const { epoch } = log
    const turn = this.#turn
    const missing = this.#interest.partitions(log.partitions).filter((p) => !this.#partitions.has(p))
    if (missing.length === 0) return new Map()
    const { bounds, faults } = await knownBoundsOf(log, missing)
    if (this.#isClosed()) throw new Error('the node is closing')
    if (turn !== this.#turn || epoch !== this.epoch) return this.#extend() // the tail was opened anew meanwhile
    for (const partition of faults.keys()) this.#interest.forget(partition)
    const late = [...bounds].map(([p, bound]) => [p, this.#open(p, bound, true)] as const)
    this.#partitions = new Map([...this.#partitions, ...late])
    if (late.length > 0) await this.#followAnew()
    return faults
  }

  #open(partition: number, bounds: Bounds, isLate: boolean): FollowedPartition {
    const { epoch } = this
    return openPartition(this.#options, {
      epoch,
      partition,
      bounds,
      isLate,
      memory: this.#memory,
      directory: this.#directory,
    })
  }

  /** What a former tail still says is not heard. */
  async #follow(): Promise<void> {
    if (this.epoch !== this.#windowsEpoch) throw new PositionError('epoch', 'the log began anew before it was followed')
    const turn = ++this.#turn
    const positions = new Map([...this.#partitions].map(([p, { scannedTo }]) => [p, scannedTo]))
    const tail = await this.#options.log.tail(positions, {
      onBatch: (batch) => {
        if (turn === this.#turn) this.#onBatch(batch)
      },
      onReset: (reason) => {
        if (turn === this.#turn) this.#onReset(reason)
      },
    })
    if (turn !== this.#turn || this.#state === 'closed') return tail.close()
    this.#tail = tail
    this.#state = 'open'
  }

  /** As `#follow`, of other partitions than before; the node stays ready. */
  async #followAnew(): Promise<void> {
    const previous = this.#tail
    const turn = this.#turn + 1
    try {
      await this.#follow()
    } catch (error) {
      if (this.#isClosed() || turn !== this.#turn) return
      this.#options.logger.warn({ err: error }, 'other partitions of the events log cannot be followed; trying again')
      this.#reopen(() => (error instanceof PositionError ? this.#begin(error.reason) : this.#follow()))
    }
    void previous?.close().catch(() => {})
  }

  #onBatch(batch: Batch): void {
    const partition = this.#partitions.get(batch.partition)
    if (partition === undefined) return
    const { reader, window, showFrom } = partition
    const now = Date.now()
    partition.lastBatchAtMs = performance.now()
    for (const record of batch.records) {
      const event = reader.take(record)
      if (event !== undefined && event.offset >= showFrom) this.#options.onEvent(event, window, now)
    }
    partition.scannedTo = batch.nextOffset
    window.advance(batch.nextOffset)
  }

  #onReset(reason: ResetReason): void {
    if (this.#state === 'closed') return
    this.#options.logger.warn(
      { reason, epoch: this.epoch },
      'the events log cannot be read on from here: starting anew',
    )
    this.#reopen(() => this.#begin(reason))
  }

  /** What is heard from now on is what comes of `next`. */
  #reopen(next: () => Promise<void>): void {
    this.#turn++
    this.#state = 'opening'
    this.#reopening.run(next)
  }

  async #leave(): Promise<void> {
    const previous = this.#tail
    this.#tail = undefined
    await previous?.close().catch(() => {})
  }

  #isOpening(): boolean {
    return this.#state === 'opening'
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #rebuild(): void {
    this.#options.logger.warn(
      {},
      'a partition of the events log has been silent although it was marked: rebuilding the tail',
    )
    const now = performance.now()
    for (const partition of this.#partitions.values()) partition.rebuiltAtMs = now
    this.#reopen(() => this.#follow())
  }

  /** Forgets what is old, marks what is quiet, and rebuilds a tail that has gone silent. */
  #check(): void {
    const isSilent = this.#upkeep.check(this.#partitions.values())
    if (isSilent && this.#state === 'open') this.#rebuild()
  }
}
