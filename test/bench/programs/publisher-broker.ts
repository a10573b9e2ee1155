import type { Broker } from '@roomway/broker'
import { openKafkaBroker } from '@roomway/broker-kafka'
import { openRabbitmqBroker } from '@roomway/broker-rabbitmq'
import type { BrokerAddress } from '../brokers.js'

export type PublisherAddress = Exclude<BrokerAddress, { kind: 'embedded' }>

const logger = { debug() {}, info() {}, warn() {}, error: console.error }

/** The broker that a publisher of the benchmarks appends to. */
export function openPublisherBroker(where: {
  readonly address: PublisherAddress
  readonly prefix: string
  /** Default 16. */
  readonly partitions?: number
}): Promise<Broker> {
  const { address, prefix, partitions = 16 } = where
  const options = { prefix, partitions, logger }
  return address.kind === 'kafka'
    ? openKafkaBroker({ ...options, brokers: [...address.brokers] })
    : openRabbitmqBroker({ ...options, url: address.url })
}
