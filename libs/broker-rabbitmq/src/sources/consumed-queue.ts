import type { Logger, Tail, TailObserver } from '@roomway/broker'
import type { Link } from '../link.js'
import { messageIdHeader } from '../record-codec.js'
import type { StreamLog } from '../stream-log.js'
import { OwnStreamSource } from './own-stream.js'
import { QueueInlet } from './queue-inlet.js'

/** A classic or quorum queue as a source: while it is tailed, its messages go into a stream of Roomway's own, which is what is read. */
export class ConsumedQueue extends OwnStreamSource {
  readonly repeatHeader = messageIdHeader
  readonly #link: Link
  readonly #queue: string
  readonly #logger: Logger

  constructor(log: StreamLog, link: Link, queue: string, logger: Logger) {
    super(log)
    this.#link = link
    this.#queue = queue
    this.#logger = logger
  }

  async tail(from: ReadonlyMap<number, number>, observer: TailObserver): Promise<Tail> {
    let inlet: QueueInlet | undefined
    const tail = await this.log.tail(from, {
      onBatch: (batch) => observer.onBatch(batch),
      onReset: (reason) => {
        void inlet?.close()
        observer.onReset(reason)
      },
    })
    inlet = new QueueInlet({ link: this.#link, queue: this.#queue, log: this.log, logger: this.#logger })
    const close = async (): Promise<void> => {
      await inlet.close()
      await tail.close()
    }
    return { lastActivityMs: (partition) => tail.lastActivityMs(partition), close }
  }
}
