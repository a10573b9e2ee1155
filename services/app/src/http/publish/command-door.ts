import { AppendError, type Log, type Logger } from '@roomway/broker'
import { type Command, commandRecord, RecordWriter, type RoomDirectory } from '@roomway/records'
import { inTime } from '../answer-deadline.js'
import { Problem } from '../problem.js'

export interface CommandDoorOptions {
  readonly commands: Log
  readonly directory: () => RoomDirectory
  readonly logger: Logger
  /** Bound on bytes that wait or are in flight. */
  readonly maxQueuedBytes: number
  /** After this long an answer is given, whatever the broker does. */
  readonly answerMs: number
}

/** What a command is taken to occupy besides its data. */
const overheadBytes = 512

/** The way of commands that came over HTTP into their log: in order per room, bounded, and with an answer in time. */
export class CommandDoor {
  readonly #options: CommandDoorOptions
  readonly #writer: RecordWriter
  #queuedBytes = 0

  constructor(options: CommandDoorOptions) {
    const { commands, logger, answerMs } = options
    this.#options = options
    // Given up a little before the answer, so that what failed can be told from what only took long.
    this.#writer = new RecordWriter({ log: commands, logger, giveUpAfterMs: answerMs / 2 })
  }

  /**
   * Resolves when the command is durable. @throws Problem: overloaded (it was not taken), unavailable (it may yet be).
   * @param overloaded of a batch, the rooms for which there was no place before, which the door adds to: it takes nothing more for these, though there were place
   * for something smaller, since that would take effect before what comes again.
   */
  async send(command: Command, overloaded: Set<string> = new Set()): Promise<void> {
    const { answerMs, directory, maxQueuedBytes } = this.#options
    const bytes = overheadBytes + command.payload.length
    if (this.#queuedBytes + bytes > maxQueuedBytes) overloaded.add(command.room)
    if (overloaded.has(command.room))
      throw new Problem('overloaded', 'this instance holds as many unanswered publishes as it may')
    this.#queuedBytes += bytes
    const home = directory().home(command.room)
    const written = this.#writer.write(home, () => commandRecord(command, home))
    const leave = () => {
      this.#queuedBytes -= bytes
    }
    written.then(leave, leave)
    await inTime(written.catch(unavailable), answerMs, () => unknownOutcome(undefined))
  }

  /** Waits for the appends under way. Idempotent. */
  close(): Promise<void> {
    return this.#writer.close()
  }
}

function unavailable(error: unknown): never {
  if (error instanceof AppendError && error.outcome === 'not-appended')
    throw new Problem('unavailable', 'the broker did not take it: nothing was published', { cause: error })
  throw unknownOutcome(error)
}

const unknownOutcome = (cause: unknown): Problem =>
  new Problem(
    'unavailable',
    'the broker did not answer in time: it may have been published, or may yet be. Send it again with the same id or Idempotency-Key',
    { cause },
  )
