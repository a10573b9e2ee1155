export { openKafkaBroker } from './kafka-broker.js'
export type { KafkaBrokerOptions } from './options.js'
