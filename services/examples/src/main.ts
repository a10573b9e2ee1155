import { type Config, ConfigError, loadConfig, type TlsClientConfig } from '@roomway/config'
import type { Publisher } from '@roomway/publisher'
import { createLogger, startTelemetry } from '@roomway/telemetry'
import type { Publish } from './event-publisher.js'
import { startExamples } from './examples.js'

const usage = `Usage: node services/examples/dist/main.js host-metrics | chat

host-metrics  publishes this machine's figures to Kafka or RabbitMQ, and serves the pages
chat          serves the pages
`

/** The examples as a process of their own, beside a gateway: the composition root. Ends on SIGTERM and SIGINT. */
async function main([example, ...rest]: readonly string[]): Promise<void> {
  if ((example !== 'host-metrics' && example !== 'chat') || rest.length > 0) {
    process.stderr.write(usage)
    process.exitCode = 2
    return
  }
  const config = loadConfig(process.env, { command: example === 'chat' ? 'console' : 'app' })
  const logger = createLogger('examples', config.logLevel)
  const { kind } = config.broker
  const telemetry = await startTelemetry({
    serviceName: 'roomway-examples',
    messagingSystem: kind === 'embedded' ? 'roomway' : kind,
    env: config.telemetryEnv,
    logger,
  })
  const publisher = example === 'host-metrics' ? await openPublisher(config) : undefined
  const examples = await startExamples({
    gatewayUrl: config.remote.url ?? `ws://127.0.0.1:${config.ports.gateway}/v1/ws`,
    host: config.host,
    port: config.ports.console,
    logger,
    ...(publisher === undefined ? {} : { publish: publishTo(publisher) }),
  })
  logger.info({ page: `http://${config.host}:${examples.port}/` }, 'examples listening')
  const stop = async () => {
    await examples.close()
    await publisher?.close()
    await telemetry.shutdown()
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
}

async function openPublisher({ broker, prefix, partitions }: Config): Promise<Publisher> {
  if (broker.kind === 'kafka') {
    const { createKafkaPublisher } = await import('@roomway/publisher/kafka')
    const { brokers, tls, sasl } = broker
    return createKafkaPublisher({
      brokers,
      prefix,
      partitions,
      ...(tls === undefined ? {} : { ssl: connectOptions(tls) }),
      ...(sasl === undefined ? {} : { sasl: { ...sasl, password: sasl.password.reveal() } }),
    })
  }
  if (broker.kind === 'rabbitmq') {
    const { createRabbitmqPublisher } = await import('@roomway/publisher/rabbitmq')
    const tls = broker.tls === undefined ? {} : { tls: connectOptions(broker.tls) }
    return createRabbitmqPublisher({ url: broker.url.reveal(), prefix, partitions, ...tls })
  }
  throw new ConfigError([
    'ROOMWAY_BROKER must be kafka or rabbitmq here: the embedded log belongs to one process, which npx roomway start runs with these examples in it',
  ])
}

function connectOptions({ ca, cert, key }: TlsClientConfig) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key: key.reveal() }),
  }
}

function publishTo(publisher: Publisher): Publish {
  return async ({ room, event, data, id }) => void (await publisher.publish(room, event, data, { id }))
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`)
  process.exit(error instanceof ConfigError ? 2 : 1)
})
