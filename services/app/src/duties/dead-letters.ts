import type { BrokerRecord, Log, Logger } from '@roomway/broker'
import { type DeadOrigin, deadRecord, RecordWriter } from '@roomway/records'
import type { AppCounters } from '../operations/app-counters.js'

/** Sets aside what is no event and no command, so that the rest goes on. */
export class DeadLetters {
  readonly #writer: RecordWriter
  readonly #logger: Logger
  readonly #counters: AppCounters

  constructor(dead: Log, logger: Logger, counters: AppCounters) {
    this.#writer = new RecordWriter({ log: dead, logger })
    this.#logger = logger
    this.#counters = counters
  }

  /** Resolves when the record is durable in the log `dead`; never where this is closed before. Keeps a copy of the value. */
  setAside(origin: DeadOrigin, record: BrokerRecord, reason: string, detail?: string): Promise<void> {
    const { partition, offset } = record
    this.#logger.warn(
      { log: origin.log, partition, offset, reason, detail },
      'a record is set aside in the log of dead letters',
    )
    this.#counters.dead(origin.log, reason)
    const dead = deadRecord(origin, record, reason, detail)
    return new Promise((resolve) => {
      this.#writer.write(0, () => dead).then(resolve, () => undefined)
    })
  }

  close(): Promise<void> {
    return this.#writer.close()
  }
}
