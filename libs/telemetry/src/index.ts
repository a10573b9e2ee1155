export { DurationHistogram, durationBoundsSeconds } from './duration-histogram.js'
export { IngressSampler, type IngressSamplerOptions } from './ingress-sampler.js'
export { createLogger, type LogLevel } from './logger.js'
export { createMetrics, type Metrics, type MetricsOptions, type ReadLabelled } from './metrics.js'
export {
  isTracingOn,
  startTelemetry,
  type Telemetry,
  type TelemetryLogger,
  type TelemetryOptions,
} from './start-telemetry.js'
export { formatTraceparent, isSampled, parseTraceparent, type TraceContext } from './traceparent.js'
export { type MessageSpan, type MessagingSystem, offTracer, type Tracer } from './tracer.js'
