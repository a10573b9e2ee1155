import type { SourceConfig } from '@roomway/config'
import type { Tracer } from '@roomway/telemetry'
import { SourceTally } from '../operations/source-tally.js'
import { spansOf } from '../operations/spans.js'
import { SourceDuty, type SourceDutyOptions } from './source-duty.js'

export interface OpenSourcesOptions extends Omit<SourceDutyOptions, 'sources' | 'tally' | 'trace'> {
  readonly tracer: Tracer
}

/** Begins to copy every source; the log of their checkpoints is opened, and made, only where there is one. */
export async function openSources(
  configs: readonly SourceConfig[],
  options: OpenSourcesOptions,
): Promise<readonly SourceDuty[]> {
  if (configs.length === 0) return []
  const { broker, counters, tracer } = options
  const sources = await broker.log('sources')
  return configs.map((config) => {
    const tally = new SourceTally(config.name)
    counters.sources.push(tally)
    return new SourceDuty(config, { ...options, sources, tally, trace: spansOf(tracer, nameOf(config.origin)) })
  })
}

/** What spans call it. */
const nameOf = (origin: SourceConfig['origin']): string =>
  origin.kind === 'topic' ? origin.topic : origin.kind === 'queue' ? origin.queue : origin.exchange
