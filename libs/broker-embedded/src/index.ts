export { EmbeddedBroker, type EmbeddedBrokerOptions, openEmbeddedBroker } from './embedded-broker.js'
export { FolderInUseError } from './folder-lock.js'
export type { Retention } from './retention.js'
