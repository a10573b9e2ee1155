import { randomPrefix } from '@roomway/testing'
import type { Bench } from './bench.js'
import type { ServerKind, ServerPlan } from './servers.js'

/** A server to which nobody publishes: the gateway follows an empty log, the raw one is uWebSockets.js alone. */
export async function idlePlan(bench: Bench, kind: ServerKind): Promise<ServerPlan> {
  const { address } = await bench.brokers.get('kafka')
  const options = { ...bench.serverOptions, profileFolder: undefined }
  const prefix = randomPrefix()
  return { ...options, kind, address, prefix, log: undefined, feed: undefined, env: {} }
}
