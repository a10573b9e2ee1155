import type { Logger } from '@roomway/broker'
import type { Config } from '@roomway/config'
import { startTelemetry, type Tracer } from '@roomway/telemetry'

export interface Tracing {
  readonly tracer: Tracer
  close(): Promise<void>
}

/** Starts OpenTelemetry where `OTEL_…` asks for it. Closed last, so that the spans of closing are sent, too. */
export async function openTracing(serviceName: string, config: Config, logger: Logger): Promise<Tracing> {
  const { kind } = config.broker
  const messagingSystem = kind === 'embedded' ? 'roomway' : kind
  const { tracer, shutdown } = await startTelemetry({ serviceName, messagingSystem, env: config.telemetryEnv, logger })
  return { tracer, close: shutdown }
}
