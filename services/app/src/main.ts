import { openBroker } from '@roomway/brokers'
import { ConfigError, loadConfig } from '@roomway/config'
import { createLogger, startTelemetry } from '@roomway/telemetry'
import { startApp } from './start.js'

/** The app tier as a process of its own: the composition root. Ends on SIGTERM and SIGINT after giving up what it owns. */
async function main(): Promise<void> {
  const config = loadConfig(process.env, { command: 'app' })
  const logger = createLogger('app', config.logLevel)
  const messagingSystem = config.broker.kind === 'embedded' ? 'roomway' : config.broker.kind
  const telemetry = await startTelemetry({
    serviceName: 'roomway-app',
    messagingSystem,
    env: config.telemetryEnv,
    logger,
  })
  const broker = await openBroker(config, logger)
  const { tracer } = telemetry
  const app = await startApp({ broker, config, logger, tracer, adminPort: config.ports.admin })
  const { port, adminPort } = app
  logger.info({ port, adminPort, node: config.node, broker: broker.kind }, 'app tier listening')
  const stop = async () => {
    await app.close()
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
