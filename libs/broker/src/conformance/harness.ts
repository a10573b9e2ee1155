import type { Broker, LogName } from '../broker.js'
import type { LeaseObserver } from '../lease.js'

/**
 * What not every broker can be put through. `restart`: killed and started again while connections stay open; `recreate`: a log deleted
 * and made again; `truncate`: a log's start moved up; `holes`: offsets without a record; `claim-process`: a claimer in a process of its own.
 */
export type Feature = 'restart' | 'recreate' | 'truncate' | 'holes' | 'claim-process'

/** What a test asks of the broker it opens. */
export interface HarnessOptions {
  /** Opens with the same prefix meet the same logs, as on several nodes. The suite makes a fresh one per test. */
  readonly prefix: string
  /** Partitions of `events` and `commands`. */
  readonly partitions: number
  /** As in `BrokerOptions`. */
  readonly maxQueuedBytes?: number
  /** The log's start will be moved up, and 10 MB are all that it needs to keep: for brokers that move it by their retention only. */
  readonly keepsLittle?: boolean
}

/** A claimer that can be lost without saying goodbye. */
export interface ClaimProcess {
  /** Ends it as SIGKILL does. Resolves when it is gone; does nothing when it is gone already. */
  kill(): Promise<void>
  /** Stops it as SIGSTOP does: its connections stay open and answer nothing. `kill` still works. */
  hang(): Promise<void>
}

/**
 * One adapter under test. A method that belongs to a feature is needed unless `unsupported` names the feature, with the reason why;
 * its tests are then listed as skipped, with that reason.
 */
export interface BrokerHarness {
  readonly unsupported?: Readonly<Partial<Record<Feature, string>>>
  /** How long this broker may take to notice a lost claimer or to come back after a restart, in ms. Default 20 000. */
  readonly recoveryMs?: number
  /** Runs before the first test: a place to start the broker. */
  start?(): Promise<void>
  /** Runs after the last test. Brokers that the suite opened are closed by then. */
  stop?(): Promise<void>
  /** Called many times per test; every call gives a connection of its own, which the suite closes. */
  open(options: HarnessOptions): Promise<Broker>
  /** `restart`: kills the broker (kill -9) and starts it again on the same data and address. Resolves when it accepts connections. */
  restartBroker?(): Promise<void>
  /** `recreate`: deletes the log with its records and makes it anew, empty, with as many partitions. Resolves when the new one is there. */
  recreateLog?(prefix: string, name: LogName): Promise<void>
  /**
   * `truncate`: makes `start(partition)` of the log `events` greater than `offset`, which lies in the log. It may append records of
   * its own to get there. Resolves when the start has moved.
   */
  truncateStart?(prefix: string, partition: number, offset: number): Promise<void>
  /**
   * `holes`: makes offsets without a record at the present end of a partition of `events`, where one more record appended through
   * the broker would come after them. May add records of its own.
   */
  makeHoles?(prefix: string, partition: number): Promise<void>
  /** `claim-process`: claims in another process and passes on what its observer is told. */
  claimProcess?(prefix: string, name: string, partitions: number, observer: LeaseObserver): Promise<ClaimProcess>
}
