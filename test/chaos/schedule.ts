/* Which faults a run has, and when: all of it comes out of the seed, so that a seed names a schedule. */
import { Random } from './random.js'

/**
 * `kill`: SIGKILL, then started again. `stop`: SIGTERM, then started again. `pause`: SIGSTOP, then SIGCONT. `stall`: the process stops itself just before its next
 * append (an app: of an outcome; a gateway: of commands), then SIGCONT: what it had decided lands late. `cut`: connections to it are cut, and refused for a while.
 * `offline`: some clients are without network, some of them for longer than their session lasts.
 */
export type FaultKind =
  | `${'kill' | 'stop' | 'pause' | 'stall'}-${'gateway' | 'app'}`
  | `${'kill' | 'stop' | 'pause'}-broker`
  | 'cut-broker'
  | 'cut-gateway'
  | 'offline-clients'

export type Target = 'gateway' | 'app' | 'broker' | 'clients'

export interface Fault {
  readonly kind: FaultKind
  readonly target: Target
  /** Which gateway, app or client process. */
  readonly index: number
  /** From the start of the run. */
  readonly atMs: number
  /** How long it is paused, cut off or down. */
  readonly forMs: number
  /** Of a stall, in place of a time: until it has stopped and others have decided everything that the log holds. */
  readonly until?: 'decided'
}

export interface ScheduleOptions {
  readonly seed: number
  readonly faults: number
  /** Over which faults are spread. */
  readonly durationMs: number
  readonly gateways: number
  readonly apps: number
  readonly clientProcesses: number
  /** Of pauses. */
  readonly maxPauseMs: number
  /** How long a client must be away for its session to be lost. */
  readonly resumeMs: number
}

/** By then another instance has been given what a silent one owned, and has done what that had decided. */
const takeoverMs = 15_000

const weights: Readonly<Record<FaultKind, number>> = {
  'kill-gateway': 4,
  'kill-app': 5,
  'stop-gateway': 1,
  'stop-app': 2,
  'pause-gateway': 3,
  'pause-app': 3,
  'stall-gateway': 3,
  'stall-app': 4,
  'kill-broker': 2,
  'stop-broker': 1,
  'pause-broker': 1,
  'cut-broker': 3,
  'cut-gateway': 2,
  'offline-clients': 1,
}

export const faultKinds = Object.keys(weights) as readonly FaultKind[]
const weighted = faultKinds.flatMap((kind) => Array.from({ length: weights[kind] }, () => kind))

export function scheduleOf(options: ScheduleOptions): Fault[] {
  const random = new Random(options.seed)
  const times = Array.from({ length: options.faults }, () => Math.floor(random.next() * options.durationMs))
  times.sort((a, b) => a - b)
  // Each kind once, in any order, then as it comes.
  const kinds = random.shuffled(faultKinds)
  while (kinds.length < options.faults) kinds.push(random.pick(weighted))
  const drawn = random.shuffled(kinds.slice(0, options.faults))
  return drawn.map((kind, n) => faultOf(kind, times[n]!, random, options))
}

function faultOf(kind: FaultKind, atMs: number, random: Random, options: ScheduleOptions): Fault {
  const target = targetOf(kind)
  const counts = { gateway: options.gateways, app: options.apps, broker: 1, clients: options.clientProcesses }
  const index = random.whole(0, counts[target])
  return { kind, target, index, atMs, forMs: durationOf(kind, random, options) }
}

function targetOf(kind: FaultKind): Target {
  return kind.slice(kind.indexOf('-') + 1) as Target
}

function durationOf(kind: FaultKind, random: Random, { maxPauseMs, resumeMs }: ScheduleOptions): number {
  const share = random.next()
  if (kind.startsWith('pause')) return Math.round(1_000 + share * (maxPauseMs - 1_000))
  if (kind.startsWith('stall')) return Math.round(takeoverMs + share * Math.max(0, maxPauseMs - takeoverMs))
  if (kind.startsWith('offline')) return Math.round(resumeMs * (0.5 + share))
  return Math.round(share * 5_000)
}
