/** Told which partitions this instance serves. Calls come in order per partition. */
export interface LeaseObserver {
  onOwned(partition: number): void
  onLost(partition: number): void
}

/**
 * A claim on the partitions of a named duty. Each partition has, most of the time, one owner among the instances that claim the name.
 * A hint for efficiency: two owners at once, for a while, must do no harm.
 */
export interface Lease {
  /** Gives everything up at once, so that another instance takes over in seconds. Idempotent. `onLost` is called for what was owned. */
  close(): Promise<void>
}
