import { collectDefaultMetrics, type Metric, Registry } from 'prom-client'
import type { DurationHistogram } from './duration-histogram.js'

/** One value per label value, read when metrics are asked for. Label values come from a fixed, small set: never rooms, users or addresses. */
export type ReadLabelled = () => Iterable<readonly [labelValue: string, value: number]>

/**
 * Metrics that are read, not written: the hot path adds to plain integer fields of its own, and these functions look at them when Prometheus asks.
 * Every name begins with `roomway_`; a counter's ends with `_total`.
 */
export interface Metrics {
  counter(name: string, help: string, read: () => number): void
  counterBy(name: string, help: string, label: string, read: ReadLabelled): void
  gauge(name: string, help: string, read: () => number): void
  gaugeBy(name: string, help: string, label: string, read: ReadLabelled): void
  /** In seconds. */
  histogram(name: string, help: string, durations: DurationHistogram): void
  /** Of the answer that holds `text()`. */
  readonly contentType: string
  /** Everything, in Prometheus's text format. */
  text(): Promise<string>
}

export interface MetricsOptions {
  /** Adds `process_` and `nodejs_` metrics: CPU, memory, event loop, garbage collection. Default true; once per process is enough. */
  readonly ofProcess?: boolean
}

/** What prom-client asks of a metric when it writes the text. */
interface ReadMetric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: readonly Sample[]
}

interface Sample {
  readonly value: number
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName?: string
}

export function createMetrics({ ofProcess = true }: MetricsOptions = {}): Metrics {
  const registry = new Registry()
  if (ofProcess) collectDefaultMetrics({ register: registry })
  const add = (type: ReadMetric['type'], name: string, help: string, read: () => readonly Sample[]) => {
    assertName(type, name)
    if (registry.getSingleMetric(name) !== undefined) throw new Error(`the metric ${name} exists already`)
    registry.registerMetric(readMetric({ name, help, type }, read))
  }
  const one = (read: () => number) => () => [{ value: read(), labels: {} }]
  return {
    counter: (name, help, read) => add('counter', name, help, one(read)),
    counterBy: (name, help, label, read) => add('counter', name, help, () => samplesBy(label, read)),
    gauge: (name, help, read) => add('gauge', name, help, one(read)),
    gaugeBy: (name, help, label, read) => add('gauge', name, help, () => samplesBy(label, read)),
    histogram: (name, help, durations) => add('histogram', name, help, () => histogramSamples(name, durations)),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  }
}

/** prom-client's own counters would have to be set at each reading; its registry takes anything that answers `get()`. */
function readMetric(head: Omit<ReadMetric, 'values'>, read: () => readonly Sample[]): Metric {
  const metric = { ...head, get: (): Promise<ReadMetric> => Promise.resolve({ ...head, values: read() }) }
  return metric as unknown as Metric
}

function samplesBy(label: string, read: ReadLabelled): readonly Sample[] {
  return Array.from(read(), ([labelValue, value]) => ({ value, labels: { [label]: labelValue } }))
}

function histogramSamples(name: string, durations: DurationHistogram): readonly Sample[] {
  const { boundsSeconds, counts, sumSeconds } = durations.read()
  const total = counts.at(-1) ?? 0
  const buckets = counts.map((value, i) => ({
    value,
    labels: { le: boundsSeconds[i] ?? '+Inf' },
    metricName: `${name}_bucket`,
  }))
  return [
    ...buckets,
    { value: sumSeconds, labels: {}, metricName: `${name}_sum` },
    { value: total, labels: {}, metricName: `${name}_count` },
  ]
}

function assertName(type: ReadMetric['type'], name: string): void {
  if (!/^roomway_[a-z0-9_]+$/.test(name)) throw new Error(`the metric ${name} must begin with roomway_`)
  if ((type === 'counter') !== name.endsWith('_total'))
    throw new Error(`${name}: counters, and only they, end with _total`)
}
