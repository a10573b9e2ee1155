/** What the system's own accounting says of a process (Linux: /proc). */
import { readdirSync, readFileSync } from 'node:fs'

/** Of the clock ticks in /proc; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

/** CPU that all threads of the process have used so far, user and system together; in steps of 10 ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field, the name, may hold anything; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1_000
}

/** The same without steps, by the scheduler's own accounting, of the threads that the process has: for one whose threads do not end. */
export function threadsCpuMs(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + threadTimes(pid, Number(thread)).ranMs, 0)
}

/** Resident set size. */
export function rssBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line![1]) * 1024
}

/** How many files this process and its children may open at once. */
export function openFilesLimit(): number {
  const line = /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
  return line![1] === 'unlimited' ? Number.POSITIVE_INFINITY : Number(line![1])
}

export interface ThreadTimes {
  /** On a CPU. */
  readonly ranMs: number
  /** Ready to run, while others had the CPUs. */
  readonly waitedMs: number
}

/** Of a process' main thread, by the scheduler's own accounting. */
export const mainThreadTimes = (pid: number): ThreadTimes => threadTimes(pid, pid)

function threadTimes(pid: number, thread: number): ThreadTimes {
  const [ranNs, waitedNs] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ').map(Number)
  return { ranMs: ranNs! / 1e6, waitedMs: waitedNs! / 1e6 }
}

/** CPU time that the whole machine has not used so far, of all its processors together. */
export function idleMs(): number {
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.split(/\s+/).map(Number)
  const [, , , idle, waitingForDisk] = ticks
  return ((idle! + waitingForDisk!) / ticksPerSecond) * 1_000
}
