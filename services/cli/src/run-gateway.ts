import { openBroker } from '@roomway/brokers'
import type { Config } from '@roomway/config'
import type { Context, ExitCode } from './context.js'
import { openLogger } from './log-lines.js'
import { ServiceRun } from './service-run.js'
import { openTracing } from './tracing.js'

const closeMs = 15_000

/** One connection node. */
export async function runGateway(context: Context, config: Config, json: boolean): Promise<ExitCode> {
  const logger = openLogger(context, config)
  const run = new ServiceRun(context, logger)
  return run.run(async () => {
    const { startGateway } = await import('@roomway/gateway')
    const { tracer } = run.add('tracing', await openTracing('roomway-gateway', config, logger))
    const broker = run.add('broker', await openBroker(config, logger))
    const { port, adminPort } = run.add('gateway', await startGateway({ broker, config, logger, tracer }))
    const { host, node } = config
    context.print(
      json ? `${JSON.stringify({ node, host, port, adminPort })}\n` : `gateway ${node} listens on ${host}:${port}\n`,
    )
  }, closeMs)
}
