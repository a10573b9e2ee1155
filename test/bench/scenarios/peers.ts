/* Servers of others, in turn with the gateway. */
import type { Bench } from '../bench.js'
import { runConnect } from '../connect-run.js'
import { type DeliveryPlan, runDelivery } from '../delivery-run.js'
import { runMemory } from '../memory-run.js'
import type { BenchOptions } from '../options.js'
import { findBestRate } from '../peers/best-rate.js'
import { builtInPeers, socketIoStreams } from '../peers/built-in.js'
import type { Peer } from '../peers/peer.js'
import { type RecoveryResult, runRecovery } from '../peers/recovery-run.js'
import { type ResumePlan, type ResumeResult, runResume } from '../resume-run.js'
import { connect, memory } from './connections.js'
import { fanout, rooms } from './delivery.js'
import { type Figure, figure, type Goal, type PeerTurn, type Scenario, scaled } from './scenario.js'

/** Of Socket.IO's CPU per frame, in those that the gateway spends. */
const fanoutGoal: Goal = { atLeast: 18 }

const { ws, socketIo, socketIoUws } = builtInPeers

const peersOf = ({ peers }: BenchOptions, builtIn: readonly Peer[]): readonly Peer[] =>
  peers.length > 0 ? peers : builtIn

const withoutGoals = (figures: readonly Figure[]): Figure[] => figures.map((one) => ({ ...one, goal: undefined }))

/** Each peer at the rate at which a frame costs it least; the gateway at its own. */
export function peersFanout(name: string, options: BenchOptions): Scenario {
  const ofGateway = fanout('kafka', 1_000, 1)(name, options)
  const { warmUpMs, measureMs } = options
  const most = scaled(1_000, options)
  const plan = { broker: 'kafka' as const, rooms: 1, sockets: ofGateway.connections, warmUpMs, measureMs }
  return {
    ...ofGateway,
    title: `${ofGateway.title}, beside peers at their best rates`,
    figures: withoutGoals(ofGateway.figures),
    peers: peersOf(options, [ws, socketIo, socketIoUws]).map((peer) => atBestRate(peer, plan, most)),
  }
}

function atBestRate(peer: Peer, plan: Omit<DeliveryPlan, 'eventsPerSecond'>, most: number): PeerTurn {
  let eventsPerSecond: number | undefined
  return {
    name: peer.name,
    goals: peer === socketIo ? { cpu: fanoutGoal } : {},
    async prepare(bench, say) {
      const found = await findBestRate(bench, peer, plan, most, say)
      eventsPerSecond = found.eventsPerSecond
      return found.note
    },
    async run(bench) {
      if (eventsPerSecond === undefined) throw new Error(`no rate was found at which ${peer.name} keeps up`)
      return runDelivery(bench, peer, { ...plan, eventsPerSecond })
    },
  }
}

export function peersRooms(name: string, options: BenchOptions): Scenario {
  const ofGateway = rooms('kafka', 5_000)(name, options)
  const { warmUpMs, measureMs } = options
  const count = ofGateway.connections
  const eventsPerSecond = scaled(5_000, options)
  const plan = { broker: 'kafka' as const, rooms: count, sockets: count, eventsPerSecond, warmUpMs, measureMs }
  return besidePeers(ofGateway, options, (bench, peer) => runDelivery(bench, peer, plan))
}

export function peersMemory(name: string, options: BenchOptions): Scenario {
  const ofGateway = memory(name, options)
  const { connections } = ofGateway
  return besidePeers(ofGateway, options, (bench, peer) => runMemory(bench, peer, { connections }))
}

export function peersConnect(name: string, options: BenchOptions): Scenario {
  const ofGateway = connect(name, options)
  return besidePeers(ofGateway, options, (bench, peer) => runConnect(bench, peer, ofGateway.connections))
}

function besidePeers(
  ofGateway: Scenario,
  options: BenchOptions,
  run: (bench: Bench, peer: Peer) => ReturnType<PeerTurn['run']>,
): Scenario {
  const peers = peersOf(options, [ws, socketIo]).map((peer) => ({
    name: peer.name,
    goals: {},
    run: (bench: Bench) => run(bench, peer),
  }))
  return { ...ofGateway, title: `${ofGateway.title}, beside peers`, figures: withoutGoals(ofGateway.figures), peers }
}

/** Socket.IO reads the whole stream since for each client, so there are fewer of them than in `resume`. */
export function peersResume(name: string, options: BenchOptions): Scenario {
  const clients = scaled(1_000, options)
  const behind = { clients, rooms: scaled(10, options), eventsBehind: 100 }
  const live = { windowBytes: undefined, liveSockets: 1, liveEventsPerSecond: 1, liveSeconds: 10 }
  const plan: ResumePlan = { ...behind, ...live }
  type Result = ResumeResult | RecoveryResult
  return {
    name,
    title: `${clients} clients in ${behind.rooms} rooms resume, each ${behind.eventsBehind} events behind, beside Socket.IO's recovery`,
    figures: [
      figure<Result>('elapsed', 'time until all are caught up', 'ms', undefined, (run) => run.elapsedMs),
      figure<Result>('cpu', 'CPU per client', 'µs', undefined, (run) => run.cpuUsPerClient),
    ],
    connections: clients,
    run: (bench) => runResume(bench, plan),
    peers: [{ name: socketIoStreams.name, goals: {}, run: (bench) => runRecovery(bench, behind) }],
  }
}
