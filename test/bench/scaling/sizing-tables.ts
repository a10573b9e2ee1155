/* The model's answers to the questions of someone who plans a deployment. */
import { aligned } from '../tables.js'
import type { Kept } from './kept.js'
import type { Model } from './model.js'
import { partitionShare } from './record-batches.js'
import {
  costOf,
  mostNodes,
  mostRate,
  nodeBudget,
  nodeConnections,
  nodesNeeded,
  paysFrom,
  readingLimit,
} from './sizing.js'
import { batchesOf, type Deployment, type Way, ways } from './ways.js'

const planned: Deployment = {
  connections: 1_000_000,
  eventsPerSecond: 100_000,
  rooms: 100_000,
  membersPerRoom: 10,
  partitions: 64,
  publishers: 10,
  appendEveryMs: 5,
  spread: 1.2,
}

const names: Readonly<Record<Way, string>> = {
  all: 'A: every node reads everything',
  interest: 'B: partitions with rooms here',
  affine: 'C: rooms placed by partition',
  router: 'D: a router, a topic per node',
}

/** What all these tables take for granted. */
export function assumptions(): string {
  const { membersPerRoom, rooms, connections, partitions, spread, publishers, appendEveryMs } = planned
  const roomsEach = (rooms * membersPerRoom) / connections
  return [
    `Assumed below: rooms of ${membersPerRoom} members, ${roomsEach} room for each connection, events of 128 bytes spread evenly, ${partitions} partitions; in C the members of a room are on ${spread} nodes.`,
    `${publishers} processes publish, each of them by one append every ${appendEveryMs} ms (Kafka’s \`linger.ms\`), which holds a record batch for each partition that it has events for; in D so does the router, into one partition of each node.`,
    `A node has at most ${count(nodeConnections)} connections and uses at most ${share(nodeBudget)} of a core for its work; fetches take what is left. “None” means that ${mostNodes} nodes are not enough.`,
  ].join('\n')
}

const deployments: readonly Deployment[] = [{ ...planned, connections: 100_000, rooms: 10_000 }, planned]
const rates = [1_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000]

/** The same connections and rooms, at other rates. */
export function nodeTable(model: Model): string {
  const rows = deployments.flatMap((deployment) =>
    rates.map((eventsPerSecond) => {
      const asked = { ...deployment, eventsPerSecond }
      const nodes = nodesNeeded(model, 'all', asked)
      const cost = nodes === undefined ? undefined : costOf(model, 'all', asked, nodes)
      return [
        count(deployment.connections),
        count(eventsPerSecond),
        ...ways.map((way) => nodesText(nodesNeeded(model, way, asked))),
        cost === undefined ? '–' : share(cost.reading / nodeBudget),
        cost === undefined ? '–' : `${megabytes(cost.brokerBytes)} MB/s`,
      ]
    }),
  )
  const head = ['connections', 'events/s', 'nodes, A', 'B', 'C', 'D', 'A: of a node’s work, reading', 'A: broker sends']
  return [aligned([head, ...rows]), ...deployments.map((deployment) => whatPays(model, deployment))].join('\n\n')
}

/** What B and C save. */
function whatPays(model: Model, deployment: Deployment): string {
  const [interest, affine] = (['interest', 'affine'] as const).map((way) => {
    const letter = names[way].slice(0, 1)
    const pays = paysFrom(model, way, deployment)
    if (pays === undefined)
      return `${letter} does not save one node of five at any rate up to ${count(mostRate)} events/s`
    const { eventsPerSecond, all, other } = pays
    return `${letter} saves one node of five from ${count(eventsPerSecond)} events/s on, where A needs ${all ?? `more than ${mostNodes}`} and ${letter} ${other}`
  })
  return `With ${count(deployment.connections)} connections ${interest}; ${affine}.`
}

export function waysTable(model: Model): string {
  const asked = { ...planned, eventsPerSecond: 20_000 }
  const rows = [1, 2, 4, 8, 16, 20, 32, 64, 128].map((nodes) => [
    String(nodes),
    ...ways.flatMap((way) => {
      const { share: of, work, brokerBytes } = costOf(model, way, asked, nodes)
      return [`${count(of.read)}/s`, share(work), `${megabytes(brokerBytes)}`]
    }),
  ])
  const head = ways.flatMap((way) => {
    const letter = names[way].slice(0, 1)
    return [`${letter}: node reads`, 'work', 'broker MB/s']
  })
  return `${aligned([['nodes', ...head], ...rows])}\n\n${interestText()}`
}

/** What B is worth by itself. */
function interestText(): string {
  const { partitions } = planned
  const rooms = [8, 32, 64, 128, 192, 256]
  const cells = rooms.map((here) => share(partitionShare(partitions, here)))
  return aligned([
    [`rooms and connections of a node, ${partitions} partitions`, ...rooms.map(String)],
    ['B: partitions that it reads', ...cells],
  ])
}

export function million(model: Model, bytesPerConnection: number): string {
  const rows = ways.map((way) => {
    const nodes = nodesNeeded(model, way, planned)
    const shown = nodes ?? Math.ceil(planned.connections / nodeConnections)
    const cost = costOf(model, way, planned, shown)
    return [
      names[way],
      nodes === undefined ? `none; with ${shown}:` : String(nodes),
      `${count(cost.share.read)}/s`,
      share(cost.reading),
      share(cost.work),
      `${megabytes(cost.brokerBytes)} MB/s`,
      cost.brokerCores.toFixed(1),
    ]
  })
  const head = [
    '',
    'nodes',
    'each reads',
    'reading, of a core',
    'all work, of a core',
    'broker sends',
    'its cores for that',
  ]
  const memory = (bytesPerConnection * nodeConnections) / 2 ** 20
  return [
    aligned([head, ...rows]),
    `One more node can read ${count(Math.floor(readingLimit(model, planned) / 1_000) * 1_000)} events/s at most within ${share(nodeBudget)} of a core, and then does nothing else.`,
    `${count(nodeConnections)} connections of ${count(Math.round(bytesPerConnection))} bytes are ${Math.round(memory)} MiB of a node.`,
  ].join('\n\n')
}

/** What it is that reading costs so much, or so little: the same events in more or fewer record batches. */
export function readingTable(model: Model): string {
  const appending: readonly [string, Partial<Deployment>][] = [
    ['1 publisher', { publishers: 1 }],
    ['10 publishers', { publishers: 10 }],
    ['100 publishers', { publishers: 100 }],
    ['each event appended by itself', { publishers: Number.POSITIVE_INFINITY }],
  ]
  const rows = appending.map(([name, change]) => [
    name,
    ...[16, 64].flatMap((partitions) => {
      const asked = { ...planned, ...change, partitions }
      return [
        `${count(batchesOf(asked))}/s`,
        share(costOf(model, 'all', asked, mostNodes).reading),
        `${count(Math.floor(readingLimit(model, asked) / 1_000) * 1_000)}/s`,
      ]
    }),
  ])
  const head = [16, 64].flatMap((partitions) => [
    `${partitions} partitions: record batches`,
    'reading, of a core',
    'the most events',
  ])
  return aligned([[`${count(planned.eventsPerSecond)} events/s`, ...head], ...rows])
}

/** Rules of thumb, for who sizes one node. */
export function sizingTable(model: Model, { bytesPerConnection, runs }: Kept): string {
  const { second, fetch, partition, batch, event, shown, frame } = model.gatewayUs
  const perCore = (us: number) => (us === 0 ? '' : `${count(Math.round((nodeBudget * 1e6) / us / 1_000) * 1_000)}/s`)
  const us = (value: number) => `${value < 10 ? value.toFixed(1) : Math.round(value)} µs`
  const of = (name: string) => runs.find((run) => run.name === name)
  const mib = (bytes = 0) => `${Math.round(bytes / 2 ** 20)} MiB`
  return aligned([
    ['', 'cost', `by itself, ${share(nodeBudget)} of a core is`],
    ['a node with nothing to do, each second', us(second), ''],
    ['its memory: no connection, no event', mib(of('idle')?.gatewayRssBytes), ''],
    ['the same, having read the events of a run', mib(of('no members, 3,000/s')?.gatewayRssBytes), ''],
    ['a fetch, of 16 partitions', us(fetch + 16 * partition), ''],
    ['a record batch, however many events it holds', us(batch), perCore(batch)],
    ['an event read and not shown here', us(event), perCore(event)],
    ['an event with one member here', us(event + shown + frame), perCore(event + shown + frame)],
    ['each further member of it here', us(frame), perCore(frame)],
    [
      'a frame of an event of 128 bytes, JSON',
      `${Math.round(of('one member a room, 2,000/s')?.frameBytes ?? 0)} bytes`,
      '',
    ],
    ['a connection with one room', `${count(Math.round(bytesPerConnection))} bytes`, ''],
  ])
}

const count = (value: number) => Math.round(value).toLocaleString('en-US')
const share = (of: number) => `${Math.round(of * 100)} %`
const megabytes = (bytes: number) => (bytes / 1e6 < 10 ? (bytes / 1e6).toFixed(1) : count(bytes / 1e6))
const nodesText = (nodes: number | undefined) => (nodes === undefined ? 'none' : String(nodes))
