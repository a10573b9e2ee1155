import { createMetrics, type Metrics, type MetricsOptions } from '@roomway/telemetry'
import type { AppTier } from '../app-tier.js'
import type { AppCounters } from './app-counters.js'
import type { SourceTally } from './source-tally.js'

/** What an instance of the app tier tells Prometheus. */
export function createAppMetrics({ counters, owned }: AppTier, options: MetricsOptions = {}): Metrics {
  const metrics = createMetrics(options)
  metrics.counterBy('roomway_outcomes_total', 'Outcomes of commands that count, by what they say', 'outcome', () =>
    Object.entries(counters.outcomes),
  )
  metrics.counter(
    'roomway_command_repeats_total',
    'Commands that had an outcome already, or were under way',
    () => counters.repeats,
  )
  metrics.counter(
    'roomway_outcome_rewrites_total',
    'Outcomes written again because the first did not count',
    () => counters.rewrites,
  )
  metrics.counter(
    'roomway_outcome_searches_total',
    'Stretches of events read back for outcomes of repeats',
    () => counters.searches,
  )
  metrics.counter(
    'roomway_handler_retries_total',
    'Runs of a handler after one that failed',
    () => counters.handlerRetries,
  )
  metrics.counter(
    'roomway_handler_failures_total',
    'Commands rejected and set aside because their handler came to no answer by its deadline',
    () => counters.handlerFailures,
  )
  metrics.counter(
    'roomway_forwards_total',
    'Events of answers sent to the owners of other partitions',
    () => counters.forwards,
  )
  metrics.counter('roomway_intake_moved_total', 'Records copied from intake to events', () => counters.moved)
  metrics.counterBy(
    'roomway_dead_letters_total',
    'Records set aside, by log and reason',
    'reason',
    () => counters.deadByReason,
  )
  metrics.gaugeBy('roomway_owned_partitions', 'Partitions served here, by lease', 'lease', () =>
    Object.entries(owned()),
  )
  addSourceMetrics(metrics, counters)
  return metrics
}

function addSourceMetrics(metrics: Metrics, { sources }: AppCounters): void {
  const each = (read: (tally: SourceTally) => number) => () =>
    sources.map((tally) => [tally.name, read(tally)] as const)
  const counted = (name: string, help: string, read: (tally: SourceTally) => number) =>
    metrics.counterBy(`roomway_source_${name}_total`, help, 'source', each(read))
  counted('moved', 'Records copied from a source to events', (tally) => tally.movedRecords)
  counted('passed', 'Records of a source that are no events by its configuration', (tally) => tally.passedRecords)
  counted('dead', 'Records of a source that were set aside', (tally) => tally.refusedRecords)
  metrics.gaugeBy(
    'roomway_source_lag_records',
    'Records of a source that wait, in the partitions served here',
    'source',
    each((tally) => tally.lagRecords),
  )
  metrics.gaugeBy(
    'roomway_source_up',
    'Whether a source is open and its partitions owned here are served',
    'source',
    each((tally) => Number(tally.isUp())),
  )
}
