/* Mutant of libs/records/src/record-writer.ts: what is written is appended at once, however much is in flight, and each append is repeated by itself. */
import { setTimeout as delay } from 'node:timers/promises'
import { AppendError } from '@roomway/broker'
import type { MakeRecord, RecordWriterOptions } from '../../../libs/records/src/record-writer.js'

export class RecordWriter {
  readonly #log: RecordWriterOptions['log']
  readonly #running = new Set<Promise<void>>()
  #isClosed = false

  constructor({ log }: RecordWriterOptions) {
    this.#log = log
  }

  write(_partition: number, make: MakeRecord): Promise<void> {
    const running = this.#append(make).finally(() => this.#running.delete(running))
    this.#running.add(running)
    return running
  }

  async flush(): Promise<void> {
    await Promise.allSettled(this.#running)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.flush()
  }

  async #append(make: MakeRecord): Promise<void> {
    while (!this.#isClosed) {
      const record = make()
      if (record === undefined) return
      const failure = await this.#log.append([record]).then(() => undefined, String)
      if (failure === undefined) return
      await delay(Math.random() * 50)
    }
    throw new AppendError('unknown', 'the writer was closed before the record was durable')
  }
}
