/*
 * A node's reading of the events log: every partition is tailed into a recent window, and each event goes to its room in the same
 * synchronous step in which it enters the window. Ready means that the windows reach up to an end that was asked for after the start.
 */
import { type Batch, type Log, type Logger, PositionError, type ResetReason, type Tail } from '@roomway/broker'
import {
  type EventReader,
  lookbackOffsets,
  markerRecord,
  openEventReader,
  RoomDirectory,
  type RoomEvent,
} from '@roomway/records'
import { RecentWindow, type WindowBudget } from './recent-window.js'

export interface EventsTailOptions {
  readonly log: Log
  readonly logger: Logger
  readonly windowMaxBytes: number
  readonly windowMaxAgeMs: number
  /** How far below the end the windows are filled at the start, in offsets. */
  readonly windowFillOffsets: number
  readonly onEvent: (event: RoomEvent, window: RecentWindow, readAtMs: number) => void
  readonly onSetAside: (reason: string) => void
  /** The log began anew, or cannot be read on from where the node was: windows are new and empty. */
  readonly onReset: (reason: ResetReason) => void
  /** Set in tests only. */
  readonly quietMs?: number
  readonly silentMs?: number
}

interface Partition {
  readonly window: RecentWindow
  readonly reader: EventReader
  /** Events below are read for their duplicates only. */
  readonly showFrom: number
  readonly readyAt: number
  scannedTo: number
  lastBatchAtMs: number
  rebuiltAtMs: number
  isMarking: boolean
}

const checkEveryMs = 1_000
const retryMs = 500

export class EventsTail {
  readonly #options: EventsTailOptions
  readonly #budget: WindowBudget
  #directory: RoomDirectory
  #partitions: Partition[] = []
  #tail: Tail | undefined
  #state: 'opening' | 'open' | 'closed' = 'opening'
  #checks: NodeJS.Timeout | undefined
  #opening: Promise<void> = Promise.resolve()

  constructor(options: EventsTailOptions) {
    this.#options = options
    this.#budget = { usedBytes: 0, maxBytes: options.windowMaxBytes }
    this.#directory = new RoomDirectory(options.log.partitions)
  }

  get epoch(): string {
    return this.#options.log.epoch
  }

  get directory(): RoomDirectory {
    return this.#directory
  }

  get windowBytes(): number {
    return this.#budget.usedBytes
  }

  /** Fills the windows and follows the log until `close`. Rejects only where the log cannot be read at all at the start. */
  async open(): Promise<void> {
    await this.#begin()
    this.#checks = setInterval(() => this.#check(), checkEveryMs)
    this.#checks.unref()
  }

  /** The window of the room's home partition. */
  windowOf(room: string): RecentWindow {
    return this.#partitions[this.#directory.home(room)]!.window
  }

  windows(): readonly RecentWindow[] {
    return this.#partitions.map((partition) => partition.window)
  }

  /** The offset from which on the room's partition was live when the node began: below it, events are history. */
  historyEnd(room: string): number {
    return this.#partitions[this.#directory.home(room)]!.readyAt
  }

  /** Why the node should get no new clients; empty when it may. */
  unready(now = Date.now()): string[] {
    if (this.#state !== 'open') return ['the events log is being opened']
    const silentMs = this.#options.silentMs ?? 20_000
    const reasons: string[] = []
    this.#partitions.forEach((partition, p) => {
      if (partition.window.next < partition.readyAt)
        reasons.push(`partition ${p} is read up to ${partition.window.next} of ${partition.readyAt}`)
      else if (now - partition.lastBatchAtMs > silentMs)
        reasons.push(`partition ${p} has been silent for ${now - partition.lastBatchAtMs} ms`)
    })
    return reasons
  }

  async close(): Promise<void> {
    this.#state = 'closed'
    clearInterval(this.#checks)
    await this.#opening.catch(() => {})
    await this.#tail?.close()
    for (const { window } of this.#partitions) window.clear()
  }

  async #begin(): Promise<void> {
    const { log, windowFillOffsets } = this.#options
    const numbers = Array.from({ length: log.partitions }, (_, p) => p)
    const bounds = await Promise.all(numbers.map(async (p) => ({ start: await log.start(p), end: await log.end(p) })))
    for (const { window } of this.#partitions) window.clear()
    this.#directory = new RoomDirectory(log.partitions)
    const from = new Map<number, number>()
    this.#partitions = bounds.map(({ start, end }, p) => {
      const showFrom = Math.max(start, end - windowFillOffsets)
      from.set(p, Math.max(start, showFrom - lookbackOffsets))
      return this.#newPartition(p, from.get(p)!, showFrom, end)
    })
    this.#options.onReset('epoch')
    await this.#follow(from)
  }

  #newPartition(p: number, scannedTo: number, showFrom: number, readyAt: number): Partition {
    const onSetAside = (_record: unknown, reason: string) => this.#options.onSetAside(reason)
    const reader = openEventReader({ epoch: this.epoch, partition: p, directory: this.#directory, onSetAside })
    const window = new RecentWindow(this.epoch, p, showFrom, this.#budget)
    return { window, reader, showFrom, readyAt, scannedTo, lastBatchAtMs: Date.now(), rebuiltAtMs: 0, isMarking: false }
  }

  async #follow(from: ReadonlyMap<number, number>): Promise<void> {
    const tail = await this.#options.log.tail(from, {
      onBatch: (batch) => this.#onBatch(batch),
      onReset: (reason) => this.#onReset(reason),
    })
    if (this.#state === 'closed') return tail.close()
    this.#tail = tail
    this.#state = 'open'
  }

  #onBatch(batch: Batch): void {
    const partition = this.#partitions[batch.partition]!
    const { reader, window, showFrom } = partition
    const now = Date.now()
    partition.lastBatchAtMs = now
    for (const record of batch.records) {
      const event = reader.read(record)
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
    this.#reopen(() => this.#begin())
  }

  /** Tries until it works or the tail is closed. */
  #reopen(attempt: () => Promise<void>): void {
    if (this.#state === 'closed') return
    this.#state = 'opening'
    const previous = this.#tail
    this.#tail = undefined
    this.#opening = (async () => {
      await previous?.close().catch(() => {})
      for (let next = attempt; this.#isOpening(); ) {
        try {
          await next()
        } catch (error) {
          this.#options.logger.error({ err: error }, 'the events log could not be opened; trying again')
          if (error instanceof PositionError) next = () => this.#begin()
          await new Promise((resolve) => setTimeout(resolve, retryMs))
        }
      }
    })()
  }

  #isOpening(): boolean {
    return this.#state === 'opening'
  }

  /** Forgets what is old, marks what is quiet, and rebuilds a tail that has gone silent. */
  #check(): void {
    const now = Date.now()
    const { windowMaxAgeMs, quietMs = 10_000, silentMs = 20_000 } = this.#options
    let isSilent = false
    this.#partitions.forEach((partition, p) => {
      partition.window.expire(now - windowMaxAgeMs)
      const quietFor = now - partition.lastBatchAtMs
      if (quietFor > quietMs * (1 + Math.random() / 4)) void this.#mark(partition, p)
      if (quietFor > silentMs && now - partition.rebuiltAtMs > silentMs) isSilent = true
    })
    if (isSilent && this.#state === 'open') this.#rebuild()
  }

  #rebuild(): void {
    this.#options.logger.warn(
      {},
      'a partition of the events log has been silent although it was marked: rebuilding the tail',
    )
    const now = Date.now()
    const from = new Map(this.#partitions.map((partition, p) => [p, partition.scannedTo] as const))
    for (const partition of this.#partitions) partition.rebuiltAtMs = now
    this.#reopen(() => this.#follow(from))
  }

  async #mark(partition: Partition, p: number): Promise<void> {
    if (partition.isMarking) return
    partition.isMarking = true
    await this.#options.log
      .append([markerRecord(p)])
      .catch((error) => this.#options.logger.debug({ err: error, partition: p }, 'marker not appended'))
    partition.isMarking = false
  }
}
