/*
 * Clients of Socket.IO are cut off, miss events, and come back by connection state recovery: how long it takes until all have what they missed.
 * Who stays in each room meanwhile shows that the events are in the stream.
 */
import { eventually, randomPrefix } from '@roomway/testing'
import { createClient } from 'redis'
import type { Bench } from '../bench.js'
import { cpuMs } from '../process-usage.js'
import type { FeedPlan } from '../programs/event-feed.js'
import type { MeasuredServer } from '../servers.js'
import { socketIoStreams as peer } from './built-in.js'
import type { PeerValues } from './peer.js'
import { SocketIoClient, type SocketIoPlace } from './socketio-client.js'
import { peerValues, startPeer, startPeerPublisher } from './start-peer.js'

export interface RecoveryPlan {
  readonly clients: number
  readonly rooms: number
  readonly eventsBehind: number
}

export interface RecoveryResult {
  readonly server: string
  readonly fault: string | undefined
  readonly elapsedMs: number
  readonly cpuUsPerClient: number
}

const payloadBytes = 128
const eventsPerSecond = 1_000
const waitMs = 120_000
/** Clients that are on their way at once, as the load client has it. */
const maxOpening = 128

export async function runRecovery(bench: Bench, plan: RecoveryPlan): Promise<RecoveryResult> {
  const values = await peerValues(bench, peer, undefined)
  const server = await startPeer(bench, peer, values)
  const clients: SocketIoClient[] = []
  const connect = async (count: number, from: (n: number) => SocketIoPlace | undefined, isThere: IsThere) => {
    const opened = await connectAll(urlOf(server), count, plan.rooms, from, isThere)
    clients.push(...opened)
    return opened
  }
  try {
    const stayers = await connect(plan.rooms, () => undefined, joined)
    const leavers = await connect(plan.clients, () => undefined, joined)
    await publish(bench, values, plan.rooms, [...stayers, ...leavers], 1)
    for (const leaver of leavers) leaver.cut()
    await sessionsKept(values, leavers)
    await publish(bench, values, plan.rooms, stayers, plan.eventsBehind)
    const before = cpuMs(server.pid)
    const startMs = performance.now()
    // The server sends what was missed before it says that the connection is recovered.
    const caughtUp = ({ recovered, events }: SocketIoClient) =>
      recovered === false || (recovered === true && events >= plan.eventsBehind)
    const back = await connect(plan.clients, (n) => leavers[n]!.place, caughtUp)
    const elapsedMs = performance.now() - startMs
    const cpuUsPerClient = ((cpuMs(server.pid) - before) * 1_000) / plan.clients
    return { server: peer.name, fault: faultOf(back, plan), elapsedMs, cpuUsPerClient }
  } finally {
    for (const client of clients) client.cut()
    await server.close()
  }
}

type IsThere = (client: SocketIoClient) => boolean
const joined: IsThere = (client) => client.joined

const urlOf = ({ target }: MeasuredServer) => `ws://127.0.0.1:${target.port}${target.path}`

function faultOf(back: readonly SocketIoClient[], { eventsBehind }: RecoveryPlan): string | undefined {
  const lost = back.filter((client) => client.recovered !== true).length
  if (lost > 0) return `${lost} of ${back.length} clients were not recovered`
  const wrong = back.filter((client) => client.events !== eventsBehind).length
  return wrong > 0 ? `${wrong} clients did not get each event once` : undefined
}

async function connectAll(
  url: string,
  count: number,
  rooms: number,
  from: (n: number) => SocketIoPlace | undefined,
  isThere: IsThere,
): Promise<SocketIoClient[]> {
  const opened: SocketIoClient[] = []
  const openInTurn = async () => {
    while (opened.length < count) {
      const n = opened.length
      const client = new SocketIoClient(url, `bench:${n % rooms}`, from(n))
      opened.push(client)
      await until(client, isThere)
    }
  }
  await Promise.all(Array.from({ length: maxOpening }, openInTurn))
  return opened
}

async function until(client: SocketIoClient, isThere: IsThere): Promise<void> {
  await client.changes.until(() => isThere(client), waitMs, 'a client of Socket.IO to get what it waits for')
}

/** Publishes `perRoom` events to each room, and waits until `receivers`, who have had as many as each other, have them. */
async function publish(
  bench: Bench,
  values: PeerValues,
  rooms: number,
  receivers: readonly SocketIoClient[],
  perRoom: number,
): Promise<void> {
  const already = receivers[0]!.events
  const events = rooms * perRoom
  const feed: FeedPlan = { rooms, events, eventsPerSecond, payloadBytes, headers: 'foreign', tracedShare: 0 }
  const source = await startPeerPublisher(bench, peer, values, feed, randomPrefix())
  try {
    source.signal('SIGHUP')
    for (const receiver of receivers) await until(receiver, (client) => client.events >= already + perRoom)
  } finally {
    await source.close()
  }
}

/** The server writes down who left when it notices. */
async function sessionsKept({ redis }: PeerValues, leavers: readonly SocketIoClient[]): Promise<void> {
  const keys = leavers.map(({ place }) => `sio:session:${place!.pid}`)
  const client = createClient({ url: redis })
  await client.connect()
  try {
    await eventually(async () => (await client.exists(keys)) === keys.length, waitMs, 'the sessions to be in Redis')
  } finally {
    client.destroy()
  }
}
