/*
 * Memory of an idle connection: the slope between two settled states of the same server, so that what the server needs for itself does not
 * count. Nor does what its compiler needs once while code becomes hot: before the first look a few clients come and go until that is done.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Bench } from './bench.js'
import { comeAndGo, type Visits } from './come-and-go.js'
import { startIdle } from './idle-plan.js'
import { LoadClient } from './load-client.js'
import { nameOf, type Peer } from './peers/peer.js'
import { givesBack, type ServerKind, tokensOf } from './servers.js'

export interface MemoryPlan {
  readonly connections: number
}

export interface MemoryResult {
  /** `raw`, `gateway`, or a peer's name. */
  readonly server: string
  readonly fault: string | undefined
  readonly bytesPerConnection: number
  /** Of the whole process with all connections. */
  readonly rssMb: number
}

/** Of the connections, those opened before the first look. */
const firstShare = 0.2
const restMs = 500
/** Few at a time, so that they leave no room behind in which the later ones would fit. */
const earlier: Visits = { rounds: 20, clients: 500 }

export async function runMemory(bench: Bench, kind: ServerKind | Peer, plan: MemoryPlan): Promise<MemoryResult> {
  const server = await startIdle(bench, kind, givesBack)
  let client: LoadClient | undefined
  try {
    const first = Math.round(plan.connections * firstShare)
    // One room, and one topic, each.
    const load = {
      rooms: plan.connections,
      sampleEvery: 1,
      tokensFile: tokensOf(bench, server),
    }
    await comeAndGo(bench, server, load, earlier)
    client = new LoadClient(bench.loadProgram, server.target, load)
    const look = async (connections: number) => {
      await client!.open(connections)
      await delay(restMs)
      return await server.settledRssBytes()
    }
    const before = await look(first)
    const after = await look(plan.connections - first)
    const { closed } = await client.mark()
    return {
      server: nameOf(kind),
      fault: closed > 0 ? `${closed} connections were closed: ${client.complaints}` : undefined,
      bytesPerConnection: (after - before) / (plan.connections - first),
      rssMb: after / 2 ** 20,
    }
  } finally {
    await client?.close()
    await server.close()
  }
}
