/** Whether something else runs on the machine. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

const lookMs = 3_000
const busyCores = 0.2

export async function isQuiet(): Promise<boolean> {
  const before = processorTimes()
  await delay(lookMs)
  const after = processorTimes()
  const busyShare = 1 - (after.idle - before.idle) / (after.all - before.all)
  return busyShare * availableParallelism() < busyCores
}

function processorTimes(): { readonly idle: number; readonly all: number } {
  const line = /^cpu +(.*)$/m.exec(readFileSync('/proc/stat', 'utf8'))
  // user, nice, system, idle, iowait, irq, softirq, steal; guests are counted among the first two.
  const times = line![1]!.split(' ').slice(0, 8).map(Number)
  return { idle: times[3]! + times[4]!, all: times.reduce((sum, time) => sum + time, 0) }
}
