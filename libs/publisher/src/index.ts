export type { Publication } from './event-record.js'
export { PublishError, type PublishErrorCode } from './publish-error.js'
export type { Published, Publisher, PublisherOptions, PublishOptions } from './publisher.js'
