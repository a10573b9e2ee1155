export { openRabbitmqBroker, type RabbitmqBrokerOptions } from './rabbitmq-broker.js'
export type { StreamLimits } from './topology.js'
