import { trace } from '@opentelemetry/api'
import type { Publisher } from '@roomway/publisher'
import { createKafkaPublisher } from '@roomway/publisher/kafka'
import { createRabbitmqPublisher } from '@roomway/publisher/rabbitmq'
import { startTelemetry } from '@roomway/telemetry'

/** A business service that publishes one event inside a span of its own, prints the trace's id and ends. Its argument: {@link PublisherPlan} as JSON. */
export interface PublisherPlan {
  readonly broker: { readonly kafka: readonly string[] } | { readonly rabbitmq: string }
  readonly prefix: string
  readonly room: string
  readonly data: unknown
}

const { broker, prefix, room, data } = JSON.parse(process.argv[2]!) as PublisherPlan
const logger = console
const messagingSystem = 'kafka' in broker ? 'kafka' : 'rabbitmq'
const telemetry = await startTelemetry({
  serviceName: 'shop',
  messagingSystem,
  env: process.env,
  logger,
  keepsContexts: true,
})
const publisher: Publisher =
  'kafka' in broker
    ? await createKafkaPublisher({ brokers: [...broker.kafka], prefix })
    : await createRabbitmqPublisher({ url: broker.rabbitmq, prefix })
await trace.getTracer('shop').startActiveSpan('order', async (span) => {
  await publisher.publish(room, 'placed', data)
  span.end()
  process.stdout.write(`published ${span.spanContext().traceId}\n`)
})
await publisher.close()
await telemetry.shutdown()
