/*
 * From a command whose turn has come to the writing of its outcome: refused, accepted, or whatever its handler decides; a handler that comes to no
 * answer is a dead letter first. The outcome is written until one of the command counts, this one or another owner's.
 */
import type { Log, Logger } from '@roomway/broker'
import type { Decision } from '@roomway/handlers'
import type { Position } from '@roomway/protocol'
import { commandRecord, isForward, type Outcome, OutcomeWriter, type RoomDirectory } from '@roomway/records'
import type { DeadLetters } from '../duties/dead-letters.js'
import type { ServiceRun } from '../duties/service-run.js'
import type { AppCounters } from '../operations/app-counters.js'
import type { StartSpan } from '../operations/spans.js'
import { faultOf } from './command-fault.js'
import type { EventsFloors } from './events-floors.js'
import { HandlerRuns, type HandlerRunsOptions, type Verdict } from './handler-runs.js'
import { draftOutcome, roomsOf } from './outcome-draft.js'
import type { PendingCommand } from './pending-command.js'

export interface DecisionsOptions extends HandlerRunsOptions {
  readonly commands: Log
  readonly events: Log
  readonly dead: DeadLetters
  readonly floors: EventsFloors
  readonly logger: Logger
  readonly counters: AppCounters
  readonly trace: StartSpan
}

export interface DecisionsPlace {
  readonly partition: number
  readonly run: ServiceRun
  readonly directory: RoomDirectory
  readonly eventsEpoch: string
  /** Everything below this offset of the events partition has been read. */
  readonly eventsPosition: () => number
}

const accepted: Decision = { type: 'accept' }
const rejected: Decision = { type: 'reject', code: 'app.failed', message: 'the handler failed' }

/** By partition of events. */
type Floors = ReadonlyMap<number, Position>

export class Decisions {
  readonly #options: DecisionsOptions
  readonly #place: DecisionsPlace
  readonly #onDrafted: (pending: PendingCommand, bytes: number) => void
  readonly #runs: HandlerRuns
  readonly #outcomes: OutcomeWriter

  /** `onDrafted` is told how large the outcome of a command is. */
  constructor(
    options: DecisionsOptions,
    place: DecisionsPlace,
    onDrafted: (pending: PendingCommand, bytes: number) => void,
  ) {
    const { events, logger, counters } = options
    this.#options = options
    this.#place = place
    this.#onDrafted = onDrafted
    this.#runs = new HandlerRuns(options)
    const onRewrite = () => counters.rewrites++
    this.#outcomes = new OutcomeWriter({ log: events, logger, position: place.eventsPosition, onRewrite })
  }

  /** Writes nothing more, and lets handlers stop. */
  async close(): Promise<void> {
    await Promise.all([this.#runs.close(), this.#outcomes.close()])
  }

  /** Tell of each outcome that is read. */
  onOutcome(outcome: Outcome): void {
    this.#outcomes.onOutcome(outcome)
  }

  /** Resolves when its room may go on: what the room does next is written after this outcome, and after the events that follow from it. */
  begin(pending: PendingCommand): void | Promise<void> {
    this.#trace(pending)
    const { command } = pending
    const verdict =
      faultOf(command) ?? (isForward(command) ? accepted : this.#runs.decide(command, this.#idOf(pending)))
    if (!(verdict instanceof Promise)) return this.#onVerdict(pending, verdict)
    return verdict.then((decided) => this.#onVerdict(pending, decided))
  }

  /** Where its record stands: another record of the same command stands behind it, and is not decided about. */
  #idOf({ offset }: PendingCommand): string {
    return `${this.#options.commands.epoch}:${this.#place.partition}:${offset}`
  }

  /** The command becomes child of the span that its handling is, where its trace is recorded. */
  #trace(pending: PendingCommand): void {
    const { command, offset } = pending
    pending.span = this.#options.trace(command.room, this.#place.partition, offset, command.traceparent)
    if (pending.span !== undefined) pending.command = { ...command, traceparent: pending.span.traceparent }
  }

  #onVerdict(pending: PendingCommand, verdict: Verdict): void | Promise<void> {
    if (this.#isMoot(pending) || verdict.type === 'over') return undefined
    if (verdict.type === 'failed') return this.#onFailure(pending, verdict.detail)
    const floors = this.#floorsOf(roomsOf(pending.command, verdict))
    if (!(floors instanceof Promise)) return this.#write(pending, verdict, floors)
    return floors.then((known) => this.#write(pending, verdict, known))
  }

  /** What the handler could not do is kept before anybody is told that it was not done. */
  async #onFailure(pending: PendingCommand, detail: string): Promise<void> {
    const { dead, commands, logger, counters } = this.#options
    const { command, offset } = pending
    counters.handlerFailures++
    logger.error(
      { commandId: this.#idOf(pending), id: command.id, room: command.room, detail },
      'a handler came to no answer by its deadline',
    )
    const record = { ...commandRecord(command, this.#place.partition), offset, timeMs: command.timeMs }
    await dead.setAside({ log: 'commands', epoch: commands.epoch }, record, 'handler_failed', detail)
    return this.#onVerdict(pending, rejected)
  }

  #floorsOf(rooms: readonly string[]): Floors | Promise<Floors> {
    const homes = [...new Set(rooms.map((room) => this.#place.directory.home(room)))]
    const asked = homes.map((home) => [home, this.#floorOf(home)] as const)
    if (asked.every(isTold)) return new Map(asked)
    return Promise.all(asked.map(async ([home, floor]) => [home, await floor] as const)).then((told) => new Map(told))
  }

  #floorOf(home: number): Position | Promise<Position> {
    const { partition, eventsEpoch, eventsPosition } = this.#place
    const isHere = home === partition
    return isHere ? { epoch: eventsEpoch, offset: eventsPosition() - 1 } : this.#options.floors.floorOf(home)
  }

  #write(pending: PendingCommand, decision: Decision, floors: Floors): void | Promise<void> {
    const { partition, directory, eventsEpoch } = this.#place
    if (this.#isMoot(pending)) return undefined
    const floorOf = (room: string) => floors.get(directory.home(room))!
    const { bytes, holdsRoom, record } = draftOutcome(pending.command, decision, partition, floorOf)
    this.#onDrafted(pending, bytes)
    this.#outcomes.write(pending.key, partition, (seen) => {
      const isOtherLog = this.#options.events.epoch !== eventsEpoch
      return isOtherLog || pending.effect !== undefined ? undefined : record(seen)
    })
    return holdsRoom ? pending.whenSettled() : undefined
  }

  #isMoot(pending: PendingCommand): boolean {
    return pending.effect !== undefined || this.#place.run.isOver
  }
}

const isTold = (asked: readonly [number, Position | Promise<Position>]): asked is readonly [number, Position] =>
  !(asked[1] instanceof Promise)
