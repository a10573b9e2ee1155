import type { CpuTicks, HostCounters } from './host-counters.js'
import type { Sample } from './sample.js'

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
