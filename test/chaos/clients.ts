/*
 * Some of the clients of a run, in a process of their own: the real client library, a steady load, and a journal of all they see. Prints `joined <port>`; the runner talks to
 * that port over HTTP: /start, /offline, /progress, /describe, /settle, /journal.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ChaosClient } from './chaos-client.js'
import type { ProcessJournal } from './journal.js'
import { Network } from './network.js'
import { Wire } from './wire.js'
import type { WorkloadOptions } from './workload.js'

export interface ClientsPlan {
  readonly urls: readonly string[]
  readonly first: number
  readonly count: number
  /** That each client publishes. */
  readonly commands: number
  /** Over which they are spread. */
  readonly durationMs: number
  readonly maxInFlight: number
  readonly workload: WorkloadOptions
}

export interface OfflineOrder {
  readonly clients: readonly number[]
  readonly forMs: number
}

/** What the log says that is due. */
export interface Due {
  /** By room: the offset of its last event. */
  readonly rooms: Readonly<Record<string, number>>
  /** By session: how many replies and rejections stand in its own room. */
  readonly answers: Readonly<Record<string, number>>
}

export interface Progress {
  /** Publishes that have an answer. */
  readonly settled: number
  /** Publishes that were made, or are yet to be, and have none. */
  readonly open: number
}

const plan = JSON.parse(process.argv[2]!) as ClientsPlan
const wire = new Wire()
const network = new Network()
const clients = Array.from({ length: plan.count }, (_, at) => new ChaosClient(plan.first + at, plan, wire, network))

const sum = (of: (client: ChaosClient) => number) => clients.reduce((total, client) => total + of(client), 0)

const actions: Record<string, (body: unknown) => unknown> = {
  '/start': () => {
    for (const client of clients) void client.publishAll()
  },
  '/offline': (body) => {
    const { clients: away, forMs } = body as OfflineOrder
    network.disconnect(new Set(away), forMs)
  },
  '/progress': (): Progress => {
    const settled = sum((one) => one.settled)
    return { settled, open: plan.count * plan.commands - settled }
  },
  '/settle': (body) => clients.filter((client) => !client.hasAll(body as Due)).map((client) => client.client),
  '/describe': () => clients.filter((one) => one.published > one.settled).map((one) => one.describe()),
  '/journal': (): ProcessJournal => ({
    clients: clients.map((client) => client.journal()),
    claims: wire.claims(),
    wire: wire.counts,
  }),
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return text === '' ? undefined : (JSON.parse(text) as unknown)
}

const server = createServer((request, response) => {
  void bodyOf(request).then((body) => response.end(JSON.stringify(actions[request.url!]!(body) ?? {})))
})
server.listen(0, '127.0.0.1', async () => {
  await Promise.all(clients.map((client) => client.join()))
  console.log(`joined ${(server.address() as AddressInfo).port}`)
})
