import type { Broker, BrokerOptions, Logger } from '@roomway/broker'
import type { Config, EmbeddedConfig, KafkaConfig, RabbitmqConfig, TlsClientConfig } from '@roomway/config'

/**
 * Opens the broker that the configuration names; only that one’s library is loaded. The one place that knows them all: a further broker is a
 * folder of its own and a line here. @throws where it cannot be reached.
 */
export function openBroker(config: Config, logger: Logger): Promise<Broker> {
  const { broker, prefix, partitions } = config
  const options = { prefix, partitions, logger }
  if (broker.kind === 'kafka') return openKafka(broker, options)
  if (broker.kind === 'rabbitmq') return openRabbitmq(broker, options)
  return openEmbedded(broker, options)
}

async function openKafka({ brokers, tls, sasl }: KafkaConfig, options: BrokerOptions): Promise<Broker> {
  const { openKafkaBroker } = await import('@roomway/broker-kafka')
  return openKafkaBroker({
    ...options,
    brokers,
    ...(tls === undefined ? {} : { ssl: connectOptions(tls) }),
    ...(sasl === undefined ? {} : { sasl: { ...sasl, password: sasl.password.reveal() } }),
  })
}

async function openRabbitmq({ url, tls }: RabbitmqConfig, options: BrokerOptions): Promise<Broker> {
  const { openRabbitmqBroker } = await import('@roomway/broker-rabbitmq')
  return openRabbitmqBroker({
    ...options,
    url: url.reveal(),
    ...(tls === undefined ? {} : { tls: connectOptions(tls) }),
  })
}

async function openEmbedded({ dataDir }: EmbeddedConfig, options: BrokerOptions): Promise<Broker> {
  const { openEmbeddedBroker } = await import('@roomway/broker-embedded')
  return openEmbeddedBroker({ ...options, dataDir })
}

function connectOptions({ ca, cert, key }: TlsClientConfig) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key: key.reveal() }),
  }
}
