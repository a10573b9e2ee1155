/**
 * Preloaded into a gateway that is watched for a long time: prints `watch <json>` every second, of the second before. A timer of 10 ms that
 * fires late tells of stalls of the event loop; how long the thread had waited for a CPU by then, of those that are not the loop's own; and how
 * long it ran, whether it was held up by something else still, such as helpers of a garbage collection that waited for a CPU. The heap is
 * looked at just after major collections, which happen anyway, and what V8 holds for it, and the buffers outside of it, once a second. Costs about two thousandths of a core.
 */
import { readFileSync } from 'node:fs'
import { constants, PerformanceObserver } from 'node:perf_hooks'

const tickMs = 10
const reportMs = 1_000
const notedFromMs = 50

let heapAfterGcBytes
let longestGcMs = 0
let stalls = []
let longestLateMs = 0
let longestOwnMs = 0
let reportedAt = performance.now()
let last = look()

function look() {
  const [ranNs, waitedNs] = readFileSync('/proc/self/schedstat', 'utf8').split(' ').map(Number)
  return { at: performance.now(), ranMs: ranNs / 1e6, waitedMs: waitedNs / 1e6 }
}

new PerformanceObserver((list) => {
  for (const { detail, duration } of list.getEntries()) {
    longestGcMs = Math.max(longestGcMs, duration)
    if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) heapAfterGcBytes = process.memoryUsage().heapUsed
  }
}).observe({ entryTypes: ['gc'] })

function tick() {
  const now = look()
  const lateMs = now.at - last.at - tickMs
  const ownMs = Math.max(0, lateMs - (now.waitedMs - last.waitedMs))
  longestLateMs = Math.max(longestLateMs, lateMs)
  longestOwnMs = Math.max(longestOwnMs, ownMs)
  if (lateMs >= notedFromMs) stalls.push({ lateMs, ownMs, ranMs: now.ranMs - last.ranMs })
  last = now
  if (now.at - reportedAt >= reportMs) report(now.at)
}

function report(at) {
  const { heapTotal: heapHeldBytes, external: externalBytes } = process.memoryUsage()
  const seen = { longestLateMs, longestOwnMs, longestGcMs, stalls, heapAfterGcBytes, heapHeldBytes, externalBytes }
  process.stdout.write(`watch ${JSON.stringify(seen)}\n`)
  longestLateMs = 0
  longestOwnMs = 0
  longestGcMs = 0
  stalls = []
  heapAfterGcBytes = undefined
  reportedAt = at
}

setInterval(tick, tickMs).unref()
