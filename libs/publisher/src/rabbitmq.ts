import { openRabbitmqBroker, type RabbitmqBrokerOptions } from '@roomway/broker-rabbitmq'
import { defaults, openPublisher, type Publisher, type PublisherOptions, silentLogger } from './publisher.js'

export type { Publication } from './event-record.js'
export { PublishError, type PublishErrorCode } from './publish-error.js'
export type { Published, Publisher, PublisherOptions, PublishOptions } from './publisher.js'

/** How to reach RabbitMQ: `url` is `amqp://user:password@host:port` or `amqps://…`. */
export type RabbitmqPublisherOptions = PublisherOptions & Pick<RabbitmqBrokerOptions, 'url' | 'tls'>

/** Publishes to the streams of `<prefix>.events`, which are declared where they are missing. @throws where RabbitMQ cannot be reached. */
export async function createRabbitmqPublisher(options: RabbitmqPublisherOptions): Promise<Publisher> {
  const { prefix = defaults.prefix, partitions = defaults.partitions, logger = silentLogger, url, tls } = options
  const broker = await openRabbitmqBroker({ url, prefix, partitions, logger, ...(tls === undefined ? {} : { tls }) })
  return openPublisher(broker, options)
}
