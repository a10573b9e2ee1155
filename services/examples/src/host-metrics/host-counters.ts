import { readFile } from 'node:fs/promises'
import { cpus, freemem, loadavg, platform, totalmem } from 'node:os'

/** Ticks since the machine started, in a unit of its own: only differences and their ratio mean something. */
export interface CpuTicks {
  readonly busy: number
  readonly total: number
}

/** What the machine's counters say at one moment. */
export interface HostCounters {
  /** Monotonic, in ms. */
  readonly atMs: number
  /** One per core. */
  readonly cores: readonly CpuTicks[]
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number }
  /** Over 1, 5 and 15 minutes; zeros on Windows. */
  readonly load: readonly [number, number, number]
  /** All interfaces except loopback and virtual ones, since start. Undefined where the system does not say (all but Linux). */
  readonly network: { readonly receivedBytes: number; readonly sentBytes: number } | undefined
}

/** Reads this machine's counters: from /proc on Linux, from Node elsewhere. */
export async function readHostCounters(): Promise<HostCounters> {
  const rest = { atMs: performance.now(), load: loadAverages() }
  if (platform() !== 'linux') {
    const memory = { totalBytes: totalmem(), availableBytes: freemem() }
    return { ...rest, cores: coresFromNode(), memory, network: undefined }
  }
  const [stat, meminfo, devices] = await Promise.all(
    ['/proc/stat', '/proc/meminfo', '/proc/net/dev'].map((path) => readFile(path, 'utf8')),
  )
  return { ...rest, cores: parseStat(stat!), memory: parseMeminfo(meminfo!), network: parseDevices(devices!) }
}

function loadAverages(): [number, number, number] {
  const [one = 0, five = 0, fifteen = 0] = loadavg()
  return [one, five, fifteen]
}

function coresFromNode(): CpuTicks[] {
  return cpus().map(({ times }) => {
    const busy = times.user + times.nice + times.sys + times.irq
    return { busy, total: busy + times.idle }
  })
}

/** /proc/stat (proc_stat(5)): `cpu0 user nice system idle iowait irq softirq steal guest guest_nice`; guest time is part of user's. */
export function parseStat(text: string): CpuTicks[] {
  return [...text.matchAll(/^cpu\d+ (.+)$/gm)].map(([, columns]) => {
    const ticks = columns!.trim().split(/\s+/).slice(0, 8).map(Number)
    const total = ticks.reduce((sum, value) => sum + value, 0)
    const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0)
    return { busy: total - idle, total }
  })
}

export function parseMeminfo(text: string): HostCounters['memory'] {
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  return { totalBytes: bytes('MemTotal'), availableBytes: bytes('MemAvailable') }
}

/** Interfaces that carry no traffic of their own: what passes through them is counted on a real one too. */
const passThrough = /^(lo|ifb\d|docker\d|veth|br-|virbr|cni|flannel|cali|tun|tap)/

/** /proc/net/dev (proc_pid_net(5)): eight columns received, of which the first is bytes, then eight sent. */
export function parseDevices(text: string): NonNullable<HostCounters['network']> {
  let receivedBytes = 0
  let sentBytes = 0
  for (const line of text.split('\n').slice(2)) {
    const [name, columns] = line.split(':')
    if (columns === undefined || passThrough.test(name!.trim())) continue
    const values = columns.trim().split(/\s+/).map(Number)
    receivedBytes += values[0] ?? 0
    sentBytes += values[8] ?? 0
  }
  return { receivedBytes, sentBytes }
}
