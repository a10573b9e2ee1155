import { isMissing } from '../faults.js'
import { type Link, withChannel } from '../link.js'

/**
 * What a queue is. AMQP does not tell, but RabbitMQ refuses to consume anything but a stream from an offset; on a stream the consumer that is made, and
 * closed at once, changes nothing. A queue that has an exclusive consumer, such as another instance's, is none. @throws where there is no such queue, or it may not be consumed.
 */
export async function queueKind(link: Link, queue: string): Promise<'stream' | 'queue'> {
  try {
    await withChannel(link, (channel) => channel.checkQueue(queue))
    await withChannel(link, async (channel) => {
      await channel.prefetch(1)
      await channel.consume(queue, () => undefined, { arguments: { 'x-stream-offset': 'next' } })
    })
    return 'stream'
  } catch (error) {
    if (isMissing(error)) throw new Error(`RabbitMQ has no queue ${queue}`, { cause: error })
    if (/x-stream-offset|in exclusive use/.test((error as Error).message)) return 'queue'
    throw new Error(`queue ${queue} cannot be consumed: ${(error as Error).message}`, { cause: error })
  }
}
