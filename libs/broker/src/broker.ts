import type { Lease, LeaseObserver } from './lease.js'
import type { Log } from './log.js'
import type { SourceDefinition, SourceLog } from './source.js'

/**
 * The logs of a deployment. `events` and `commands` have `partitions` partitions and share their homes; `intake` has as many as its broker
 * gives it; `lifecycle`, `control`, `nodes`, `meta`, `dead` and `sources` have one. `meta` is kept for ever, `sources` by
 * size alone (64 MB: what is newer stays, however old it grows), the others by age.
 */
export type LogName = 'events' | 'intake' | 'commands' | 'lifecycle' | 'control' | 'nodes' | 'meta' | 'dead' | 'sources'

/** What an adapter says through; a pino logger fits. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface BrokerOptions {
  /** Prefix of every topic, exchange and stream. Default `roomway`. */
  readonly prefix: string
  /** Partitions of `events` and `commands` where they do not exist yet. Default 16. */
  readonly partitions: number
  /** Bound on bytes waiting in one log's append queues; above it `append` rejects with `outcome: 'not-appended'`. Default 64 MiB. */
  readonly maxQueuedBytes?: number
  readonly logger: Logger
}

/** One finding of `doctor`. `remedy` says what to do about it. */
export interface Diagnosis {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly detail: string
  readonly remedy?: string
}

/** A connection to one broker. Opened by an adapter's `open…` function in a composition root; nothing else knows which broker runs. */
export interface Broker {
  readonly kind: 'embedded' | 'kafka' | 'rabbitmq'
  /** Opens a log, creating it (with its partitions and retention) where it is missing. Opening one twice gives the same log. */
  log(name: LogName): Promise<Log>
  /** Opens what is not Roomway's own, to be read. @throws where it does not exist or may not be read, and where this broker has no such thing. */
  source(definition: SourceDefinition): Promise<SourceLog>
  claim(name: string, partitions: number, observer: LeaseObserver): Promise<Lease>
  /**
   * What `doctor` asks: reachable, topics and partition counts right, retention and durability settings, and whether these sources are there. Makes
   * nothing. Never throws for a fault it can report.
   */
  diagnose(sources?: readonly SourceDefinition[]): Promise<readonly Diagnosis[]>
  /** Closes its logs and leases too. Idempotent; waits for what is in flight, for a few seconds at most. */
  close(): Promise<void>
}
