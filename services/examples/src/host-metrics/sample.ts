import type { CpuTicks, HostCounters } from './host-counters.js'

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

/** The figures of a sample, from the counters at two moments. */
export function figuresBetween(
  before: HostCounters,
  after: HostCounters,
): Pick<Sample, 'cpu' | 'memory' | 'load' | 'network'> {
  const { totalBytes, availableBytes } = after.memory
  return {
    cpu: cpuBetween(before.cores, after.cores),
    memory: { usedBytes: totalBytes - availableBytes, totalBytes },
    load: after.load,
    network: networkBetween(before, after),
  }
}

function cpuBetween(before: readonly CpuTicks[], after: readonly CpuTicks[]): Sample['cpu'] {
  const cores = after.map((ticks, core) => {
    const earlier = before[core] ?? ticks
    return { busy: ticks.busy - earlier.busy, total: ticks.total - earlier.total }
  })
  const busy = cores.reduce((sum, core) => sum + core.busy, 0)
  const total = cores.reduce((sum, core) => sum + core.total, 0)
  return { total: percent(busy, total), cores: cores.map((core) => percent(core.busy, core.total)) }
}

/** One decimal; counters of a core may step back a little (proc_stat(5)), which counts as none. */
function percent(part: number, whole: number): number {
  if (whole <= 0) return 0
  return Math.round(Math.min(1, Math.max(0, part / whole)) * 1000) / 10
}

function networkBetween(before: HostCounters, after: HostCounters): Sample['network'] {
  if (before.network === undefined || after.network === undefined) return undefined
  const seconds = Math.max(after.atMs - before.atMs, 1) / 1000
  const rate = (from: number, to: number) => Math.max(0, Math.round((to - from) / seconds))
  return {
    receivedBytesPerSecond: rate(before.network.receivedBytes, after.network.receivedBytes),
    sentBytesPerSecond: rate(before.network.sentBytes, after.network.sentBytes),
  }
}
