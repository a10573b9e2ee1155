/** The room the figures are published to, and the name of their events. */
export const hostMetricsRoom = 'host:metrics'
export const sampleEvent = 'sample'

/** The data of a `sample` event. */
export interface Sample {
  /** Which run of the service published it; with `seq`, a reader can tell whether it has all of them. */
  readonly run: string
  /** 1 for the first sample of a run, then one more each time. */
  readonly seq: number
  readonly host: string
  /** Milliseconds since 1970. */
  readonly time: number
  /** Busy share in percent, over the last second. */
  readonly cpu: { readonly total: number; readonly cores: readonly number[] }
  readonly memory: { readonly usedBytes: number; readonly totalBytes: number }
  readonly load: readonly [number, number, number]
  /** Undefined where the system does not say. */
  readonly network: { readonly receivedBytesPerSecond: number; readonly sentBytesPerSecond: number } | undefined
}
