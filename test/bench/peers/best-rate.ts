/* At which rate a frame costs a peer least CPU, while it keeps up: few events leave much to each, many may be taken together, too many queue. */
import type { Bench } from '../bench.js'
import type { DeliveryResult } from '../delivery-result.js'
import { type DeliveryPlan, runDelivery } from '../delivery-run.js'
import type { Peer } from './peer.js'

/** Events/s; what is tried goes up until the peer no longer keeps up. */
const rates = [25, 50, 75, 100, 150, 200, 300, 400, 600, 800, 1_000]
const tryMs = { warmUpMs: 1_000, measureMs: 2_000 }
/** A server whose latency is above it does not keep up. */
const p99LimitMs = 200

export interface BestRate {
  readonly eventsPerSecond: number
  /** What was tried, for people. */
  readonly note: string
}

/** @throws Error where it keeps up with none. */
export async function findBestRate(
  bench: Bench,
  peer: Peer,
  plan: Omit<DeliveryPlan, 'eventsPerSecond'>,
  mostEventsPerSecond: number,
  say: (line: string) => void,
): Promise<BestRate> {
  const tried: Tried[] = []
  for (const eventsPerSecond of rates.filter((rate) => rate <= mostEventsPerSecond)) {
    const result = await runDelivery(bench, peer, { ...plan, ...tryMs, eventsPerSecond })
    tried.push({ eventsPerSecond, result })
    say(`  ${peer.name}, tried: ${describe(tried.at(-1)!)}`)
    if (!keepsUp(result)) break
  }
  const best = leastOf(tried)
  if (best === undefined) throw new Error(`${peer.name} keeps up with no rate: ${tried.map(describe).join('; ')}`)
  const note = `${peer.name} was run at ${best.eventsPerSecond} events/s, where a frame cost it least of ${tried.map(describe).join('; ')}`
  say(`  ${note}`)
  return { eventsPerSecond: best.eventsPerSecond, note }
}

export interface Tried {
  readonly eventsPerSecond: number
  readonly result: Pick<DeliveryResult, 'fault' | 'cpuUsPerFrame' | 'p99Ms'>
}

const keepsUp = ({ fault, p99Ms }: Tried['result']) => fault === undefined && p99Ms < p99LimitMs

/** Undefined where it kept up with none. */
export function leastOf(tried: readonly Tried[]): Tried | undefined {
  return tried
    .filter(({ result }) => keepsUp(result))
    .sort((a, b) => a.result.cpuUsPerFrame - b.result.cpuUsPerFrame)
    .at(0)
}

function describe({ eventsPerSecond, result }: Tried): string {
  if (result.fault !== undefined) return `${eventsPerSecond}/s void (${result.fault.trim()})`
  const late = keepsUp(result) ? '' : ', too late'
  return `${eventsPerSecond}/s ${result.cpuUsPerFrame.toPrecision(3)} µs, p99 ${result.p99Ms.toPrecision(3)} ms${late}`
}
