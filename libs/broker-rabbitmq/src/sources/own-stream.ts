import type { Batch, SourceLog, Tail, TailObserver } from '@roomway/broker'
import type { StreamLog } from '../stream-log.js'

/** A source that is read from a stream of Roomway's own; what brings its records there is the business of the classes below it. */
export abstract class OwnStreamSource implements SourceLog {
  abstract readonly repeatHeader: string | undefined
  protected readonly log: StreamLog

  constructor(log: StreamLog) {
    this.log = log
  }

  get epoch(): string {
    return this.log.epoch
  }

  get partitions(): number {
    return this.log.partitions
  }

  start(partition: number): Promise<number> {
    return this.log.start(partition)
  }

  end(partition: number): Promise<number> {
    return this.log.end(partition)
  }

  read(
    partition: number,
    from: number,
    to: number,
    onBatch: (batch: Batch) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<number> {
    return this.log.read(partition, from, to, onBatch, signal)
  }

  abstract tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail>

  close(): Promise<void> {
    return this.log.close()
  }
}
