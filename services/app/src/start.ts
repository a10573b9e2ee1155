import type { Broker, Logger } from '@roomway/broker'
import type { Config } from '@roomway/config'
import type { Application } from '@roomway/handlers'
import type { Tracer } from '@roomway/telemetry'
import { startAppTier } from './app-tier.js'
import { serveAdmin, serveHealth } from './http/http-server.js'
import { createAppMetrics } from './operations/app-metrics.js'

export interface AppOptions {
  readonly broker: Broker
  readonly config: Config
  readonly logger: Logger
  /** Default: records nothing. */
  readonly tracer?: Tracer
  /** Business logic. Default: every command is accepted unchanged. */
  readonly application?: Application
  /** Where `/metrics` is served; 0 takes a free port. Default: nowhere (in one process with a gateway, that one serves the admin port). */
  readonly adminPort?: number
}

/** A running instance of the app tier. */
export interface App {
  readonly port: number
  readonly adminPort: number | undefined
  /** Why it is not ready; empty where it is. */
  unready(): readonly string[]
  /** Gives its partitions up at once, then closes what it opened; the broker is its owner's to close. Idempotent. */
  close(): Promise<void>
}

/** Starts an instance of the app tier: resolves once it listens, with its partitions being claimed (`/readyz` says when it serves them). */
export async function startApp(options: AppOptions): Promise<App> {
  const { broker, config, logger, tracer, application, adminPort } = options
  const { host, ports, prefix } = config
  const tier = await startAppTier({
    broker,
    logger,
    prefix,
    handlerDeadlineMs: config.handlerDeadlineMs,
    ...(tracer && { tracer }),
    ...(application && { application }),
  })
  const opened: { close(): Promise<void> }[] = [tier]
  const close = async () => {
    for (const one of opened) await one.close()
  }
  try {
    const http = await serveHealth(host, ports.app, tier.unready)
    opened.push(http)
    const admin = adminPort === undefined ? undefined : await serveAdmin(config, adminPort, createAppMetrics(tier))
    if (admin !== undefined) opened.push(admin)
    return { port: http.port, adminPort: admin?.port, unready: tier.unready, close }
  } catch (error) {
    await close()
    throw error
  }
}
