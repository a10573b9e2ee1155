import { openBroker } from '@roomway/brokers'
import type { Config } from '@roomway/config'
import type { Context, ExitCode } from './context.js'
import { loadApplication, type RunOptions } from './load-application.js'
import { openLogger } from './log-lines.js'
import { ServiceRun } from './service-run.js'
import { openTracing } from './tracing.js'

const closeMs = 15_000

/** One instance of the application tier. */
export async function runApp(context: Context, config: Config, { json, handlers }: RunOptions): Promise<ExitCode> {
  const logger = openLogger(context, config)
  const run = new ServiceRun(context, logger)
  const application = await loadApplication(handlers)
  return run.run(async () => {
    const { startApp } = await import('@roomway/app')
    const { tracer } = run.add('tracing', await openTracing('roomway-app', config, logger))
    const broker = run.add('broker', await openBroker(config, logger))
    const options = { broker, config, logger, tracer, application, adminPort: config.ports.admin }
    const { port, adminPort } = run.add('app', await startApp(options))
    const { host, node } = config
    context.print(
      json ? `${JSON.stringify({ node, host, port, adminPort })}\n` : `app ${node} listens on ${host}:${port}\n`,
    )
  }, closeMs)
}
