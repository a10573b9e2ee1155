/* What is measured. */
import type { BenchOptions } from '../options.js'
import { connect, memory } from './connections.js'
import { fanout, rooms, tracing } from './delivery.js'
import { highest } from './highest.js'
import { hop } from './hops.js'
import { peersConnect, peersFanout, peersMemory, peersResume, peersRooms } from './peers.js'
import { backlog, resume } from './returns.js'
import type { MakeScenario, Scenario } from './scenario.js'

const makers: Readonly<Record<string, MakeScenario>> = {
  fanout: fanout('kafka', 1_000, 1.1),
  // Where the core is not full, each event is a write to each socket: what an event costs more is not hidden by fewer writes.
  'fanout-100': fanout('kafka', 100, 1.1),
  'fanout-rabbitmq': fanout('rabbitmq', 1_000, 1.25),
  'fanout-embedded': fanout('embedded', 1_000, 1.25),
  rooms: rooms('kafka', 5_000),
  'rooms-15k': rooms('kafka', 15_000),
  'rooms-rabbitmq': rooms('rabbitmq', 5_000),
  'rooms-embedded': rooms('embedded', 5_000),
  highest,
  memory,
  connect,
  resume,
  backlog,
  publish: hop('app'),
  direct: hop('direct'),
  'tracing-1': tracing(0.01, 1.03),
  'tracing-100': tracing(1, 1.5),
  'peers-fanout': peersFanout,
  'peers-rooms': peersRooms,
  'peers-memory': peersMemory,
  'peers-connect': peersConnect,
  'peers-resume': peersResume,
}

export const scenarioNames: readonly string[] = Object.keys(makers)

export function scenarioOf(name: string, options: BenchOptions): Scenario {
  return makers[name]!(name, options)
}
