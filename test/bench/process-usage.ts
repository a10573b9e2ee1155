/** What the system's own accounting says of a process (Linux: /proc). */
import { readFileSync } from 'node:fs'

/** Of the clock ticks in /proc; 100 on every Linux that Node runs on. */
const ticksPerSecond = 100

/** CPU that all threads of the process have used so far, user and system together; in steps of 10 ms. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The second field, the name, may hold anything; utime and stime are the 14th and 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return ((Number(fields[11]) + Number(fields[12])) / ticksPerSecond) * 1_000
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
