import { openBroker } from '@roomway/brokers'
import { ConfigError, loadConfig } from '@roomway/config'
import { createLogger, startTelemetry } from '@roomway/telemetry'
import { startGateway } from './start.js'

const closeMs = 15_000

/** The gateway as a process of its own: the composition root. Ends on SIGTERM and SIGINT after closing what it opened, with 1 where that takes longer than 15 s. */
async function main(): Promise<void> {
  const config = loadConfig(process.env, { command: 'gateway' })
  const logger = createLogger('gateway', config.logLevel)
  const messagingSystem = config.broker.kind === 'embedded' ? 'roomway' : config.broker.kind
  const telemetry = await startTelemetry({
    serviceName: 'roomway-gateway',
    messagingSystem,
    env: config.telemetryEnv,
    logger,
  })
  const broker = await openBroker(config, logger)
  const gateway = await startGateway({ broker, config, logger, tracer: telemetry.tracer })
  logger.info(
    { port: gateway.port, adminPort: gateway.adminPort, node: config.node, broker: broker.kind },
    'gateway listening',
  )
  const stop = async () => {
    setTimeout(() => process.exit(1), closeMs).unref()
    await gateway.close()
    await broker.close()
    await telemetry.shutdown()
  }
  process.once('SIGTERM', stop).once('SIGINT', stop)
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof ConfigError ? error.message : (error as Error).stack}\n`)
  // What was opened before the fault, such as a connection that keeps trying, must not keep the process.
  process.exit(error instanceof ConfigError ? 2 : 1)
})
