import { randomPrefix } from '@roomway/testing'
import type { Bench } from './bench.js'
import type { Peer } from './peers/peer.js'
import { peerValues, startPeer } from './peers/start-peer.js'
import { type MeasuredServer, type ServerKind, type ServerPlan, startServer } from './servers.js'

/** A server to which nobody publishes: the gateway follows an empty log, the raw one is uWebSockets.js alone. */
export async function idlePlan(bench: Bench, kind: ServerKind): Promise<ServerPlan> {
  const { address } = await bench.brokers.get('kafka')
  const prefix = randomPrefix()
  return { ...bench.serverOptions, kind, address, prefix, log: undefined, feed: undefined, env: {} }
}

/** A server, or a peer, to which nobody publishes. `env`: more of its environment. */
export async function startIdle(
  bench: Bench,
  kind: ServerKind | Peer,
  env: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> {
  if (typeof kind === 'string') return startServer({ ...(await idlePlan(bench, kind)), env })
  return startPeer(bench, { ...kind, env: { ...kind.env, ...env } }, await peerValues(bench, kind, undefined))
}
