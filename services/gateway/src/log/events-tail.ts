/*
 * A node's reading of the events log: every partition is tailed into a recent window, and each event goes to its room in the same
 * synchronous step in which it enters the window. Ready means that the windows reach up to an end that was asked for after the start.
 */
import {
  type Batch,
  type BrokerRecord,
  type Log,
  type Logger,
  PositionError,
  type ResetReason,
  type Tail,
} from '@roomway/broker'
import {
  type EventReader,
  lookbackOffsets,
  markerRecord,
  type Outcome,
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
  /** Told of each outcome of a command, before the event that it may be. */
  readonly onOutcome?: (outcome: Outcome, record: BrokerRecord) => void
  /** The log began anew, or cannot be read on from where the node was: the windows of these partitions are new and empty. */
  readonly onReset: (reason: ResetReason, partitions: ReadonlySet<number>) => void
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
  readonly readFrom: number
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
  #isReopening = false
  /** How the tail is opened the next time. */
  #next: () => Promise<void> = () => this.#begin('epoch')
  /** Counts the tails: only the latest is heard. */
  #turn = 0

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
    await this.#begin('epoch')
    this.#checks = setInterval(() => this.#check(), checkEveryMs)
    this.#checks.unref()
  }

  /** The window of the room's home partition. */
  windowOf(room: string): RecentWindow {
    return this.#partitions[this.#directory.lookUp(room)]!.window
  }

  windows(): readonly RecentWindow[] {
    return this.#partitions.map((partition) => partition.window)
  }

  /**
   * Above which offset to look for the outcome of a command that was sent before, below what is read now; undefined where memory is certain that
   * there is none. `after` is the client's word: what is remembered of the command goes before it.
   */
  outcomeAbove(room: string, commandKey: string, after: number): number | undefined {
    const { reader, window, readFrom, scannedTo } = this.#partitions[this.#directory.lookUp(room)]!
    const last = reader.lastOutcome(commandKey)
    // The one that counts is not the last, perhaps, but no further below than one that does not count because of it.
    if (last >= 0) return Math.min(after, last - 1 - lookbackOffsets)
    const remembersFrom = Math.max(readFrom, scannedTo - lookbackOffsets)
    return scannedTo < window.next || after + 1 < remembersFrom ? after : undefined
  }

  /** The offset from which on the room's partition was live when the node began: below it, events are history. */
  historyEnd(room: string): number {
    return this.#partitions[this.#directory.lookUp(room)]!.readyAt
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

  /** Goes on where each partition was; one that cannot be read on from there, or is of another log, begins anew. */
  async #begin(reason: ResetReason): Promise<void> {
    const { log } = this.#options
    const { epoch } = log
    const numbers = Array.from({ length: log.partitions }, (_, p) => p)
    const bounds = await Promise.all(numbers.map(async (p) => ({ start: await log.start(p), end: await log.end(p) })))
    if (epoch !== this.epoch) return this.#begin(reason) // the bounds are of two logs
    const isSameLog = this.#partitions[0]?.window.epoch === epoch
    const former = this.#partitions
    if (!isSameLog) this.#directory = new RoomDirectory(log.partitions)
    const anew = new Set(
      numbers.filter(
        (p) => !(isSameLog && bounds[p]!.start <= former[p]!.scannedTo && former[p]!.scannedTo <= bounds[p]!.end),
      ),
    )
    former.forEach(({ window }, p) => {
      if (!isSameLog || anew.has(p)) window.clear()
    })
    this.#partitions = bounds.map((bound, p) => (anew.has(p) ? this.#newPartition(p, bound) : former[p]!))
    if (anew.size > 0) this.#options.onReset(isSameLog ? reason : 'epoch', anew)
    await this.#follow()
  }

  #newPartition(p: number, { start, end }: { readonly start: number; readonly end: number }): Partition {
    const showFrom = Math.max(start, end - this.#options.windowFillOffsets)
    const readFrom = Math.max(start, showFrom - lookbackOffsets)
    const { onOutcome } = this.#options
    const onSetAside = (_record: unknown, reason: string) => this.#options.onSetAside(reason)
    return {
      window: new RecentWindow(this.epoch, p, showFrom, this.#budget),
      reader: openEventReader({
        epoch: this.epoch,
        partition: p,
        directory: this.#directory,
        onSetAside,
        ...(onOutcome && { onOutcome }),
      }),
      showFrom,
      readyAt: end,
      readFrom,
      scannedTo: readFrom,
      lastBatchAtMs: Date.now(),
      rebuiltAtMs: 0,
      isMarking: false,
    }
  }

  /** What a former tail still says is not heard. */
  async #follow(): Promise<void> {
    const turn = ++this.#turn
    const tail = await this.#options.log.tail(new Map(this.#partitions.map(({ scannedTo }, p) => [p, scannedTo])), {
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
    this.#next = () => this.#begin(reason)
    this.#reopen()
  }

  /** Tries what is to be done next until it works or the tail is closed. */
  #reopen(): void {
    this.#turn++
    this.#state = 'opening'
    if (this.#isReopening) return
    this.#isReopening = true
    this.#opening = this.#openAgain()
  }

  async #openAgain(): Promise<void> {
    const previous = this.#tail
    this.#tail = undefined
    await previous?.close().catch(() => {})
    while (this.#isOpening()) {
      try {
        await this.#next()
      } catch (error) {
        this.#options.logger.error({ err: error }, 'the events log could not be opened; trying again')
        if (error instanceof PositionError) this.#next = () => this.#begin(error.reason)
      }
      if (this.#isOpening()) await new Promise((resolve) => setTimeout(resolve, retryMs))
    }
    this.#isReopening = false // in one step with the end of the loop: a reset after it begins another
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
    for (const partition of this.#partitions) partition.rebuiltAtMs = now
    this.#next = () => this.#follow()
    this.#reopen()
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
