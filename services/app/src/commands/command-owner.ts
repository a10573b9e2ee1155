/*
 * The owner of one partition of commands. It reads two logs at once: the commands, in order, and the events partition of the same number,
 * where every command gets exactly one outcome that counts. What another owner does at the same time, or this one did before a pause, comes
 * out right by the rule of the first outcome (libs/records); nothing here is a lock.
 */
import {
  type Checkpoint,
  checkpointRecord,
  findCheckpoint,
  lookbackOffsets,
  RecordWriter,
  type RoomDirectory,
} from '@roomway/records'
import { type CheckpointPace, CheckpointTimer } from '../duties/checkpoint-pace.js'
import { followPartition } from '../duties/follow-partition.js'
import type { Serve } from '../duties/partition-duties.js'
import { atMost, ServiceRun } from '../duties/service-run.js'
import { CommandHandling, type CommandHandlingOptions } from './command-handling.js'
import { EventsFloors } from './events-floors.js'
import { EventsScan } from './events-scan.js'
import { OutcomeIndex } from './outcome-index.js'

export interface CommandOwnerOptions extends Omit<CommandHandlingOptions, 'floors'> {
  readonly pace: CheckpointPace
  /** The homes of rooms in the present epoch of `events`. */
  readonly directory: () => RoomDirectory
}

/** Where the reading of the events begins. */
interface Start {
  /** Outcomes are known from here on. */
  readonly from: number
  /** What the events reader refuses is set aside from here on; below, it was. */
  readonly refusedFrom: number
}

/** A checkpoint is worth writing for this many offsets of events alone, so that the next owner need not read them. */
const eventsPerCheckpoint = 10_000
const lastCheckpointMs = 2_000

export function serveCommands(options: CommandOwnerOptions): Serve {
  const shared = { ...options, floors: new EventsFloors(options.events) }
  return (partition, signal, onServing) => new CommandOwner(shared, partition, signal).serve(onServing)
}

class CommandOwner {
  readonly #options: CommandOwnerOptions & CommandHandlingOptions
  readonly #partition: number
  readonly #run: ServiceRun
  readonly #eventsEpoch: string
  readonly #commandsEpoch: string
  readonly #checkpoints: RecordWriter
  readonly #timer: CheckpointTimer
  /** Up to where the latest checkpoint says that events have been read. */
  #checkpointedEvents = 0

  constructor(options: CommandOwnerOptions & CommandHandlingOptions, partition: number, signal: AbortSignal) {
    this.#options = options
    this.#partition = partition
    this.#run = new ServiceRun(signal)
    this.#eventsEpoch = options.events.epoch
    this.#commandsEpoch = options.commands.epoch
    this.#checkpoints = new RecordWriter({ log: options.commands, logger: options.logger })
    this.#timer = new CheckpointTimer(options.pace, () => this.#writeCheckpoint())
  }

  #checkpoint: () => Checkpoint | undefined = () => undefined

  async serve(onServing: () => void): Promise<void> {
    const open = async () => {
      await this.#open()
      onServing()
    }
    await this.#run.until(open, async () => {
      await atMost(lastCheckpointMs, this.#timer.close())
      await this.#checkpoints.close()
    })
  }

  async #open(): Promise<void> {
    const { commands, events } = this.#options
    const checkpoint = await findCheckpoint(commands, this.#partition)
    const from = Math.max(await commands.start(this.#partition), checkpoint?.handled ?? 0)
    const { scan, handling } = await this.#openEvents(from, await this.#startOf(checkpoint))
    await scan.whenReached(await events.end(this.#partition))
    await followPartition({
      run: this.#run,
      log: commands,
      name: 'commands',
      partition: this.#partition,
      from,
      take: (batch) => handling.take(batch),
    })
    if (this.#isOtherLog()) throw new Error('a log became another one while it was opened')
  }

  /** What is known of a log does not hold for the one that has taken its place. */
  #isOtherLog(): boolean {
    const { commands, events } = this.#options
    return commands.epoch !== this.#commandsEpoch || events.epoch !== this.#eventsEpoch
  }

  async #startOf(checkpoint: Checkpoint | undefined): Promise<Start> {
    const known = checkpoint?.eventsEpoch === this.#eventsEpoch ? checkpoint.events[this.#partition] : undefined
    const start = await this.#options.events.start(this.#partition)
    const refusedFrom = Math.max(start, known ?? start)
    return { refusedFrom, from: Math.max(start, refusedFrom - lookbackOffsets) }
  }

  async #openEvents(firstCommand: number, { from, refusedFrom }: Start) {
    const { events, dead } = this.#options
    const directory = this.#options.directory()
    const scan = new EventsScan({
      events,
      partition: this.#partition,
      directory,
      from,
      refusedFrom,
      run: this.#run,
      onOutcome: (outcome, record) => handling.onOutcome(outcome, record),
      onRefused: (record, reason) => dead.setAside({ log: 'events', epoch: this.#eventsEpoch }, record, reason),
      onProgress: () => this.#onScanned(scan.settledPosition),
    })
    const handling = new CommandHandling(this.#options, {
      partition: this.#partition,
      run: this.#run,
      directory,
      eventsEpoch: this.#eventsEpoch,
      index: new OutcomeIndex(from),
      eventsPosition: () => scan.position,
      from: firstCommand,
      onDone: () => this.#timer.progress(1),
    })
    await this.#run.keep(Promise.resolve(handling))
    this.#checkpointedEvents = refusedFrom
    this.#checkpoint = () => checkpointOf(handling, scan, this.#partition, this.#eventsEpoch)
    await scan.open()
    return { scan, handling }
  }

  #onScanned(settled: number): void {
    if (settled - this.#checkpointedEvents < eventsPerCheckpoint) return
    this.#checkpointedEvents = settled
    this.#timer.progress(1)
  }

  async #writeCheckpoint(): Promise<void> {
    const make = () => {
      const checkpoint = this.#isOtherLog() ? undefined : this.#checkpoint()
      return checkpoint && checkpointRecord(this.#partition, checkpoint)
    }
    await this.#checkpoints.write(this.#partition, make).catch(() => undefined)
  }
}

function checkpointOf(
  { queue }: CommandHandling,
  scan: EventsScan,
  partition: number,
  eventsEpoch: string,
): Checkpoint {
  const { handled, first } = queue
  const settled = scan.settledPosition
  const events = first === undefined ? settled : Math.min(settled, first.outcomeFrom)
  return { handled, eventsEpoch, events: { [partition]: events } }
}
