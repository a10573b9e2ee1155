import type { ContextManager } from '@opentelemetry/api'
import { SpanIds } from './late-spans.js'
import { type MessagingSystem, offTracer, type Tracer } from './tracer.js'

export interface TelemetryOptions {
  /** `service.name`, unless `OTEL_SERVICE_NAME` says another. */
  readonly serviceName: string
  readonly messagingSystem: MessagingSystem
  /** The `OTEL_` variables as they are. OpenTelemetry's SDK reads them from the process itself: what is here decides whether it is loaded at all. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logger: TelemetryLogger
  /** For programs that use OpenTelemetry's active span. Default false: contexts are passed on by hand. */
  readonly keepsContexts?: boolean
}

export interface TelemetryLogger {
  warn(fields: object, message: string): void
}

export interface Telemetry {
  readonly tracer: Tracer
  /** Sends what is left, for three seconds at most. Never rejects: a collector that cannot be reached is logged. Idempotent. */
  shutdown(): Promise<void>
}

const SHUTDOWN_MS = 3000
/** `null` is how the SDK is told to register none; its types leave that out. */
const unkept = null as unknown as ContextManager

/** Tracing is off unless an exporter or an OTLP address is named, and off where `OTEL_SDK_DISABLED` or an exporter `none` says so. */
export function isTracingOn(env: TelemetryOptions['env']): boolean {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return false
  if (env.OTEL_TRACES_EXPORTER) return env.OTEL_TRACES_EXPORTER !== 'none'
  return Boolean(env.OTEL_EXPORTER_OTLP_ENDPOINT || env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT)
}

/**
 * Starts tracing where `OTEL_` variables ask for it; else nothing is loaded (the SDK costs some 400 ms and 38 MB). Traces only: metrics are
 * Prometheus's, logs are lines. What a resource detector would add about the process (its command line, which may hold secrets) is left out unless
 * `OTEL_NODE_RESOURCE_DETECTORS` asks for it. OpenTelemetry's keeping of the active context, by asynchronous
 * hooks, costs the whole process a fifth of its speed on Node 20, from the first export on: so it is off unless `keepsContexts` asks for it.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { env, logger, messagingSystem, serviceName } = options
  if (!isTracingOn(env)) return { tracer: offTracer, shutdown: () => Promise.resolve() }
  const [{ api, NodeSDK, resources, tracing }, { createTracer }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('./otel-tracer.js'),
  ])
  const idGenerator = new SpanIds(new tracing.RandomIdGenerator())
  const sdk = new NodeSDK({
    idGenerator,
    serviceName: env.OTEL_SERVICE_NAME || serviceName,
    instrumentations: [],
    ...(options.keepsContexts !== true && { contextManager: unkept }),
    metricReaders: [],
    logRecordProcessors: [],
    ...(env.OTEL_NODE_RESOURCE_DETECTORS ? {} : { resourceDetectors: [resources.envDetector] }),
  })
  if (!env.OTEL_LOG_LEVEL) api.diag.setLogger(diagnostics(logger), api.DiagLogLevel.WARN)
  sdk.start()
  const tracer = createTracer(api.trace.getTracer('roomway'), messagingSystem, idGenerator)
  let closed: Promise<void> | undefined
  const shutdown = () => {
    tracer.flush()
    return sdk.shutdown()
  }
  return {
    tracer,
    shutdown: () => {
      closed ??= shutDown(shutdown, logger)
      return closed
    },
  }
}

/** What the SDK has to say about itself: an exporter that fails, above all. */
function diagnostics(logger: TelemetryLogger) {
  const warn = (message: string, ...details: unknown[]) => logger.warn({ details }, `tracing: ${message}`)
  return { error: warn, warn, info: () => {}, debug: () => {}, verbose: () => {} }
}

async function shutDown(stop: () => Promise<void>, logger: TelemetryLogger): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${SHUTDOWN_MS} ms`)), SHUTDOWN_MS)
  })
  try {
    await Promise.race([stop(), deadline])
  } catch (error) {
    logger.warn(
      { err: error },
      'the last traces could not be sent: is the collector there, and does it speak that protocol?',
    )
  } finally {
    clearTimeout(timer)
  }
}
