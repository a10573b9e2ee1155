import { createQuestionTokens } from '@roomway/auth'
import type { Broker, Logger } from '@roomway/broker'
import type { Config } from '@roomway/config'
import { type Answers, type Application, plainApplication } from '@roomway/handlers'
import { deploymentKey } from '@roomway/records'
import type { Metrics, Tracer } from '@roomway/telemetry'
import type { FastifyInstance } from 'fastify'
import { startAppTier } from './app-tier.js'
import { openAppApi } from './http/app-api.js'
import { serveAdmin, serveApp } from './http/http-server.js'
import { serveQuestions } from './http/questions.js'
import { createAppMetrics } from './operations/app-metrics.js'
import { ApplicationAnswers } from './questions/application-answers.js'

export interface AppOptions {
  readonly broker: Broker
  readonly config: Config
  readonly logger: Logger
  /** Default: records nothing. */
  readonly tracer?: Tracer
  /** Business logic. Default: every command is accepted unchanged. */
  readonly application?: Application
  /** Where `/metrics` is served; 0 takes a free port. Default: nowhere (in one process with a gateway, that one serves `App.metrics`, too). */
  readonly adminPort?: number
}

/** A running instance of the app tier. */
export interface App {
  readonly port: number
  readonly adminPort: number | undefined
  /** What gateways in the same process ask directly. */
  readonly answers: Answers
  /** What it tells Prometheus; of the process only where it serves the admin port. */
  readonly metrics: Metrics
  /** Why it is not ready; empty where it is. */
  unready(): readonly string[]
  /** Gives its partitions up at once, then closes what it opened; the broker is its owner's to close. Idempotent. */
  close(): Promise<void>
}

/** Starts an instance of the app tier: resolves once it listens, with its partitions being claimed (`/readyz` says when it serves them). */
export async function startApp(options: AppOptions): Promise<App> {
  const { broker, config, logger, tracer, application = plainApplication, adminPort } = options
  const { host, ports, prefix, limits } = config
  const tokens = untilKnown(async () =>
    createQuestionTokens(await deploymentKey(await broker.log('meta'), config.sessionSecret)),
  )
  const tier = await startAppTier({
    broker,
    logger,
    prefix,
    handlerDeadlineMs: config.handlerDeadlineMs,
    resumeMs: config.resumeMs,
    application,
    sources: config.sources,
    ...(tracer && { tracer }),
  })
  const { maxSnapshotBytes } = limits
  const answers = new ApplicationAnswers({ application, ...tier.history, maxSnapshotBytes, logger })
  const opened: { close(): Promise<void> }[] = [tier]
  const close = async () => {
    for (const one of opened) await one.close()
  }
  try {
    const api = await openAppApi({
      broker,
      config,
      logger,
      history: tier.history,
      rules: application.rules,
      askJoin: (request, signal) => answers.authorizeJoin(request, signal),
      unready: tier.unready,
      ...(tracer && { tracer }),
    })
    opened.push(api)
    const questions = (server: FastifyInstance) => serveQuestions(server, { answers, tokens })
    const http = await serveApp(host, ports.app, [api.routes, questions])
    // What requests stand on is closed after them.
    opened.splice(1, 1, http, api)
    const metrics = createAppMetrics(tier, { ofProcess: adminPort !== undefined })
    const admin = adminPort === undefined ? undefined : await serveAdmin(config, adminPort, metrics)
    if (admin !== undefined) opened.push(admin)
    const unready = () => [...tier.unready(), ...api.unready()]
    return { port: http.port, adminPort: admin?.port, answers, metrics, unready, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What is found out when it is first asked for, and tried again where that failed. */
function untilKnown<T>(find: () => Promise<T>): () => Promise<T> {
  let known: Promise<T> | undefined
  return () => {
    known ??= find().catch((error: unknown) => {
      known = undefined
      throw error
    })
    return known
  }
}
