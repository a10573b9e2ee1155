import { type KafkaBrokerOptions, openKafkaBroker } from '@roomway/broker-kafka'
import { defaults, openPublisher, type Publisher, type PublisherOptions, silentLogger } from './publisher.js'

export type { Publication } from './event-record.js'
export { PublishError, type PublishErrorCode } from './publish-error.js'
export type { Published, Publisher, PublisherOptions, PublishOptions } from './publisher.js'

/** How to reach Kafka: `brokers` is `host:port` of some of them; `sasl` and `ssl` as kafkajs takes them. */
export type KafkaPublisherOptions = PublisherOptions & Pick<KafkaBrokerOptions, 'brokers' | 'sasl' | 'ssl' | 'clientId'>

/** Publishes to the topic `<prefix>.events`, which is created where it is missing. @throws where no broker can be reached. */
export async function createKafkaPublisher(options: KafkaPublisherOptions): Promise<Publisher> {
  const { prefix = defaults.prefix, partitions = defaults.partitions, logger = silentLogger } = options
  return openPublisher(await openKafkaBroker({ ...brokerOptions(options), prefix, partitions, logger }), options)
}

/** Without the publisher's own bound, which is lower than the broker's. */
function brokerOptions({ brokers, sasl, ssl, clientId }: KafkaPublisherOptions) {
  return {
    brokers,
    ...(sasl === undefined ? {} : { sasl }),
    ...(ssl === undefined ? {} : { ssl }),
    ...(clientId === undefined ? {} : { clientId }),
  }
}
