import { openBroker } from '@roomway/brokers'
import type { Config } from '@roomway/config'
import type { Context, ExitCode } from './context.js'
import { loadApplication, type RunOptions } from './load-application.js'
import { openLogger } from './log-lines.js'
import { ServiceRun } from './service-run.js'
import { openTracing } from './tracing.js'

const closeMs = 15_000

/** Where everything listens. */
interface Addresses {
  readonly page: string
  readonly gateway: string
  readonly app: string
  readonly admin: string | undefined
}

/** Everything in one process, on whichever broker the configuration names. */
export async function runStart(context: Context, config: Config, { json, handlers }: RunOptions): Promise<ExitCode> {
  const logger = openLogger(context, config)
  const run = new ServiceRun(context, logger)
  const application = await loadApplication(handlers)
  const start = async () => {
    const { startGateway, startApp, startExamples, logPublisher } = await loadServices()
    const { tracer } = run.add('tracing', await openTracing('roomway', config, logger))
    const broker = run.add('broker', await openBroker(config, logger))
    const app = run.add('app', await startApp({ broker, config, logger, tracer, application }))
    const { answers, metrics } = app
    const gatewayOptions = { broker, config, logger, tracer, application: answers, metrics }
    const gateway = run.add('gateway', await startGateway(gatewayOptions))
    const host = reachableHost(config.host)
    const gatewayUrl = `ws://${host}:${gateway.port}/v1/ws`
    const publish = logPublisher(await broker.log('events'))
    const examples = run.add(
      'examples',
      await startExamples({ gatewayUrl, host: config.host, port: config.ports.console, logger, publish }),
    )
    const addresses = {
      page: `http://${host}:${examples.port}/`,
      gateway: gatewayUrl,
      app: `http://${host}:${app.port}/`,
      admin: gateway.adminPort === undefined ? undefined : `http://127.0.0.1:${gateway.adminPort}/metrics`,
    }
    context.print(json ? `${JSON.stringify(addresses)}\n` : welcome(addresses, config))
  }
  return run.run(start, closeMs)
}

async function loadServices() {
  const [{ startGateway }, { startApp }, { startExamples, logPublisher }] = await Promise.all([
    import('@roomway/gateway'),
    import('@roomway/app'),
    import('@roomway/examples'),
  ])
  return { startGateway, startApp, startExamples, logPublisher }
}

/** A server that listens on every address is reached on loopback, too. */
function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host.replaceAll(/[[\]]/g, '')}]` : host
}

function welcome({ page, gateway, app, admin }: Addresses, { broker }: Config): string {
  const log = broker.kind === 'embedded' ? `embedded, durable in ${broker.dataDir}/` : broker.kind
  const lines = [
    '',
    'Roomway is running.',
    '',
    `  See it      ${page}`,
    `  Gateway     ${gateway}`,
    `  App         ${app}`,
    ...(admin === undefined ? [] : [`  Metrics     ${admin}`]),
    `  Log         ${log}`,
    '',
    'Publish an event, from another terminal in this folder:',
    '',
    `  npx roomway publish chat:lobby message '{"text":"hello"}'`,
    '',
    'Ctrl-C stops it.',
    '',
    '',
  ]
  return lines.join('\n')
}
