/* Many clients connect at once: how long that takes, and what each costs the server. */
import { createAuthenticator, signToken } from '@roomway/auth'
import type { Bench } from './bench.js'
import { comeAndGo, type Visits } from './come-and-go.js'
import { startIdle } from './idle-plan.js'
import { LoadClient } from './load-client.js'
import { monotonicUs } from './monotonic-clock.js'
import { nameOf, type Peer } from './peers/peer.js'
import { cpuMs } from './process-usage.js'
import { type ServerKind, tokensOf } from './servers.js'

export interface ConnectResult {
  /** `raw`, `gateway`, or a peer's name. */
  readonly server: string
  readonly fault: string | undefined
  /** From the first connection attempt until the last client has joined its room. */
  readonly elapsedMs: number
  readonly cpuUsPerConnection: number
  /** One check of a token's signature on this machine at this time; 0 for the raw server, which makes none. */
  readonly signatureUs: number
  /** From the first attempt to the last client's joining, in µs of the system's monotonic clock. */
  readonly window: readonly [number, number]
}

/** Before the clients that count: theirs is the cost on a server that has seen some, as the signature check is that of code that is warm. */
export const earlier: Visits = { rounds: 10, clients: 500 }

export async function runConnect(bench: Bench, kind: ServerKind | Peer, connections: number): Promise<ConnectResult> {
  const server = await startIdle(bench, kind)
  const tokensFile = tokensOf(bench, server)
  const load = { rooms: connections, sampleEvery: 1, tokensFile }
  const client = new LoadClient(bench.loadProgram, server.target, load)
  try {
    await comeAndGo(bench, server, load, earlier)
    const signatureUs = kind === 'gateway' ? await signatureCheckUs() : 0
    const cpuBefore = cpuMs(server.pid)
    const startUs = monotonicUs()
    await client.open(connections)
    const window = [startUs, monotonicUs()] as const
    const elapsedMs = (window[1] - startUs) / 1_000
    const cpuUsPerConnection = ((cpuMs(server.pid) - cpuBefore) * 1_000) / connections
    const { closed } = await client.mark()
    const fault = closed > 0 ? `${closed} connections were closed: ${client.complaints}` : undefined
    return { server: nameOf(kind), fault, elapsedMs, cpuUsPerConnection, signatureUs, window }
  } finally {
    await client.close()
    await server.close()
  }
}

const checks = 2_000

/** Of tokens as the benchmark's clients have them, one after the other, once warm. */
async function signatureCheckUs(): Promise<number> {
  const secret = { reveal: () => 'a secret for benchmarks, of no other use' }
  const token = await signToken({ secret, user: 'user', join: ['bench:*'], ttlMs: 3_600_000 })
  const authenticator = createAuthenticator({
    kind: 'jwt',
    key: { kind: 'secret', secret: secret as never },
    issuer: undefined,
    audience: undefined,
    clockSkewMs: 0,
  })
  const checkAll = async () => {
    for (let n = 0; n < checks; n++) await authenticator.authenticate(token)
  }
  await checkAll()
  const { user, system } = process.cpuUsage()
  await checkAll()
  const used = process.cpuUsage({ user, system })
  return (used.user + used.system) / checks
}
