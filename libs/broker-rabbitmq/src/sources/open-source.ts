import type { Logger, SourceDefinition, SourceLog } from '@roomway/broker'
import type { Epochs } from '../epochs.js'
import type { Link } from '../link.js'
import type { StreamLog } from '../stream-log.js'
import type { StreamLogName } from '../topology.js'
import { BoundStream } from './bound-stream.js'
import { ConsumedQueue } from './consumed-queue.js'
import { ForeignEnds } from './foreign-ends.js'
import { ForeignStream } from './foreign-stream.js'
import { queueKind } from './queue-kind.js'

export interface SourceTarget {
  readonly tailing: Link
  readonly replaying: Link
  readonly epochs: Epochs
  readonly logger: Logger
  openStream(name: StreamLogName): Promise<StreamLog>
  /** Told of a stream of others' whose epochs are to be heard of. */
  onForeign(log: StreamLogName, stream: ForeignStream): void
}

/** See `Broker.source`. */
export async function openSource({ name, origin }: SourceDefinition, target: SourceTarget): Promise<SourceLog> {
  if (origin.kind === 'topic') throw new Error(`source ${name}: RabbitMQ has queues and exchanges, no topics`)
  const { tailing, logger } = target
  if (origin.kind === 'exchange') {
    const bindings = { exchange: origin.exchange, keys: origin.bindingKeys }
    const source = new BoundStream(await target.openStream(`source.${name}`), tailing, bindings)
    await source.bind()
    return source
  }
  if ((await queueKind(tailing, origin.queue)) === 'stream') return openForeign(name, origin.queue, target)
  return new ConsumedQueue(await target.openStream(`source.${name}`), tailing, origin.queue, logger)
}

async function openForeign(name: string, stream: string, target: SourceTarget): Promise<SourceLog> {
  const { tailing, replaying, epochs, logger } = target
  const log: StreamLogName = `foreign.${name}.${stream}`
  const incarnation = await epochs.open(log, 1)
  const ends = new ForeignEnds(replaying)
  const source = new ForeignStream(incarnation, { stream, tailing, replaying, ends, epochs, logger })
  target.onForeign(log, source)
  return source
}
