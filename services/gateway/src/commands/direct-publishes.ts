/*
 * Publishes to direct rooms. There is no owner that would give such a command its outcome, so the node that took it writes it: the event, with
 * how far this node had read. Of several (the client sent it again through another node, this one was paused, an append came twice) the first counts, as with
 * any command. It is acknowledged when this node has read one that counts, so an ack means durable and shown.
 *
 * A command that was sent before is looked for first, in what the node remembers, else in the log; what the same session publishes to the same
 * room meanwhile waits behind it. Nothing else waits.
 */
import type { BrokerRecord, Log, Logger } from '@roomway/broker'
import { type Command, commandKey, eventRecord, type Outcome, OutcomeWriter, sessionOf } from '@roomway/records'
import type { EventsTail } from '../log/events-tail.js'
import type { RecentWindow } from '../log/recent-window.js'
import { OutcomeLookup } from './outcome-lookup.js'

export interface DirectPublishesOptions {
  readonly log: Log
  readonly logger: Logger
  readonly tail: EventsTail
  /** Bound on bytes of publishes that are not acknowledged. */
  readonly maxPendingBytes: number
  /** Nobody sends again what was first sent longer ago than this. */
  readonly repeatSpanMs: number
  readonly onRewrite: () => void
}

/** `shown`: an outcome that counts was read. `reused`: its id is that of another command. */
export type DirectResult = 'shown' | 'reused'
export type OnDirectResult = (result: DirectResult) => void

interface Pending {
  readonly command: Command
  readonly key: string
  /** Of the session in the room. */
  readonly lane: string
  /** Every sending of it that waits for an answer. */
  readonly waiters: OnDirectResult[]
  window: RecentWindow
  /** `lookup`: it is looked for. `ready`: it has no outcome. `written`: its outcome is on its way. `done`: one that counts was read. */
  state: 'lookup' | 'ready' | 'written' | 'done'
}

/** What a publish is taken to occupy besides its data. */
const overheadBytes = 1_024
/** And each further sending of it, of which only who waits is kept. */
const waiterBytes = 512
const occupied = ({ payload }: Command): number => overheadBytes + payload.length

export class DirectPublishes {
  readonly #options: DirectPublishesOptions
  readonly #writer: OutcomeWriter
  readonly #lookup: OutcomeLookup
  /** In the order in which they came. */
  readonly #pending = new Map<string, Pending>()
  /** Those of a session in a room that wait for one that is looked for, that one first. */
  readonly #lanes = new Map<string, Pending[]>()
  #pendingBytes = 0
  #state: 'open' | 'closed' = 'open'

  constructor(options: DirectPublishesOptions) {
    const { log, logger, tail, onRewrite, repeatSpanMs: spanMs } = options
    this.#options = options
    const position = (partition: number) => tail.window(partition).next
    this.#writer = new OutcomeWriter({ log, logger, position, onRewrite })
    this.#lookup = new OutcomeLookup({ log, logger, position, spanMs, directory: () => tail.directory })
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  /** In which something waits for its outcome. */
  *partitions(): Iterable<number> {
    for (const { window } of this.#pending.values()) yield window.partition
  }

  get searches(): number {
    return this.#lookup.searches
  }

  /** Takes a publish; of one that `isRepeat` an outcome may stand above `command.after`. False where the bound is reached: nothing was taken. */
  publish(command: Command, isRepeat: boolean, onResult: OnDirectResult): boolean {
    const key = commandKey(command)
    const known = this.#pending.get(key)
    if (known !== undefined) return this.#await(known, command, onResult)
    if (!this.#hasRoom(occupied(command))) return false
    const window = this.#options.tail.windowOf(command.room)
    const lane = `${sessionOf(command.id)}\n${command.room}`
    const pending: Pending = { command, key, lane, waiters: [onResult], window, state: 'ready' }
    this.#pendingBytes += occupied(command)
    this.#pending.set(key, pending)
    this.#admit(pending, isRepeat, command.after.offset)
    return true
  }

  /** Another sending of what is on its way. */
  #await(known: Pending, command: Command, onResult: OnDirectResult): boolean {
    if (!isSame(known.command, command)) {
      onResult('reused')
      return true
    }
    if (!this.#hasRoom(waiterBytes)) return false
    this.#pendingBytes += waiterBytes
    known.waiters.push(onResult)
    return true
  }

  #hasRoom(bytes: number): boolean {
    return this.#state === 'open' && this.#pendingBytes + bytes <= this.#options.maxPendingBytes
  }

  /** Tell of each outcome that the tail reads. */
  onOutcome(outcome: Outcome, record: BrokerRecord): void {
    const pending = this.#pending.get(outcome.commandKey)
    if (pending === undefined) return
    this.#writer.onOutcome(outcome)
    if (outcome.counts) this.#settle(pending, record.key === pending.command.room ? 'shown' : 'reused')
  }

  /** The log began anew in these partitions: what was not read there may or may not be in it, and is looked for again, in its order. */
  reset(partitions: ReadonlySet<number>): void {
    this.#lookup.clear()
    const affected = [...this.#pending.values()].filter(
      ({ window, state }) => partitions.has(window.partition) || state !== 'written',
    )
    for (const { key, lane } of affected) {
      this.#writer.cancel(key)
      this.#lanes.delete(lane)
    }
    for (const pending of affected) {
      pending.window = this.#options.tail.windowOf(pending.command.room)
      const { after } = pending.command
      this.#admit(pending, true, after.epoch === pending.window.epoch ? after.offset : -1)
    }
  }

  /** Stops repeating; an append that is under way may land. What was not acknowledged is the client's to send again, to another node. */
  close(): void {
    this.#state = 'closed'
    this.#lookup.clear()
    void this.#writer.close()
  }

  #admit(pending: Pending, isRepeat: boolean, after: number): void {
    const { key, lane, command, window } = pending
    const above = isRepeat ? this.#options.tail.outcomeAbove(command.room, key, after) : undefined
    const isUnsure = above !== undefined
    pending.state = isUnsure ? 'lookup' : 'ready'
    const waiting = this.#lanes.get(lane)
    if (waiting !== undefined) waiting.push(pending)
    else if (isUnsure) this.#lanes.set(lane, [pending])
    else this.#write(pending)
    if (!isUnsure) return
    const onDone = (effect: object | undefined) => {
      if (pending.state !== 'lookup') return
      pending.state = 'ready'
      if (effect !== undefined) this.#settle(pending, 'shown')
      this.#advance(lane)
    }
    this.#lookup.request(window.partition, { commandKey: key, after: above, onDone })
  }

  /** Writes what waits for nothing any more. */
  #advance(lane: string): void {
    const waiting = this.#lanes.get(lane)
    if (waiting === undefined) return
    while (waiting.length > 0 && waiting[0]!.state !== 'lookup') this.#write(waiting.shift()!)
    if (waiting.length === 0) this.#lanes.delete(lane)
  }

  #write(pending: Pending): void {
    if (pending.state !== 'ready') return
    pending.state = 'written'
    const { command, key, window } = pending
    const { log } = this.#options
    this.#writer.write(key, window.partition, (seen) =>
      log.epoch === window.epoch ? eventRecord(command, window.partition, seen) : undefined,
    )
  }

  #settle(pending: Pending, result: DirectResult): void {
    const wasLookup = pending.state === 'lookup'
    pending.state = 'done'
    this.#pending.delete(pending.key)
    this.#pendingBytes -= occupied(pending.command) + (pending.waiters.length - 1) * waiterBytes
    this.#writer.cancel(pending.key)
    for (const onResult of pending.waiters) onResult(result)
    if (wasLookup) this.#advance(pending.lane)
  }
}

function isSame(one: Command, other: Command): boolean {
  const isAlike = one.room === other.room && one.event === other.event && one.contentType === other.contentType
  return isAlike && Buffer.compare(one.payload, other.payload) === 0
}
