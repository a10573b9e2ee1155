/* An instance of the app tier as `roomway app` runs it, with the business logic of the chaos runs. */
import { startApp } from '@roomway/app'
import { openBroker } from '@roomway/brokers'
import { loadConfig } from '@roomway/config'
import { createLogger } from '@roomway/telemetry'
import { chaosApplication } from './handlers.js'

const config = loadConfig(process.env, { command: 'app' })
const logger = createLogger('app', config.logLevel)
const broker = await openBroker(config, logger)
const app = await startApp({ broker, config, logger, application: chaosApplication, adminPort: config.ports.admin })
logger.info({ port: app.port, adminPort: app.adminPort }, 'app tier listening')
const stop = async () => {
  await app.close()
  await broker.close()
}
process.once('SIGTERM', stop)
