/*
 * What is measured. At no rate does anything wait long for a processor on a machine with two cores: a model of costs needs costs, not queues.
 * At low rates almost every event is a record batch of its own; what a batch costs and what an event costs are told apart by the high rates, and by the same
 * rates in fewer, larger appends.
 */

export interface Configuration {
  readonly name: string
  readonly gateways: number
  readonly partitions: number
  /** That events go to, in turn. */
  readonly rooms: number
  /** Of each gateway, one room each, from the first room on. */
  readonly sockets: number
  readonly eventsPerSecond: number
  /** From one append to the next, at least. Default 1. */
  readonly appendEveryMs?: number
  /** Default 128. */
  readonly payloadBytes?: number
  /** `fit`: the constants are fitted to it; `check`: it is predicted, and compared. */
  readonly use: 'fit' | 'check'
  /** Each gateway follows its share of the partitions, and has one socket in each room of those. `sockets` are so many on average. */
  readonly isPlaced?: true
  /** Further environment of the gateways. */
  readonly env?: Readonly<Record<string, string>>
}

const base = { gateways: 1, partitions: 16, rooms: 1_000, sockets: 0, use: 'fit' } as const
const idle = { ...base, eventsPerSecond: 0 }
const dropped = { ...base, eventsPerSecond: 3_000 }
const single = { ...base, sockets: 1_000, eventsPerSecond: 2_000 }
/** 20 events/s to a socket, in turn: each frame is a write of its own, as it is for a client that gets an event now and then. */
const many = { ...single, eventsPerSecond: 20_000 }
const placed = { isPlaced: true, use: 'check', env: { ROOMWAY_FOLLOW: 'wanted' } } as const
const fanOut = { ...base, rooms: 100, sockets: 1_000, eventsPerSecond: 500 }

export const configurations: readonly Configuration[] = [
  { ...idle, name: 'idle' },
  { ...idle, name: 'idle, 4 partitions', partitions: 4 },
  { ...idle, name: 'idle, 32 partitions', partitions: 32 },
  { ...idle, name: 'idle, 64 partitions', partitions: 64, use: 'check' },
  { ...dropped, name: 'no members, 500/s', eventsPerSecond: 500 },
  { ...dropped, name: 'no members, 1,500/s', eventsPerSecond: 1_500 },
  { ...dropped, name: 'no members, 3,000/s' },
  { ...dropped, name: 'no members, 6,000/s', eventsPerSecond: 6_000 },
  { ...dropped, name: 'no members, 4 partitions', partitions: 4 },
  { ...dropped, name: 'no members, 32 partitions', partitions: 32 },
  { ...dropped, name: 'no members, 64 partitions', partitions: 64, use: 'check' },
  { ...dropped, name: 'no members, 10,000 rooms', rooms: 10_000, use: 'check' },
  { ...single, name: 'one member a room, 1,000/s', eventsPerSecond: 1_000 },
  { ...single, name: 'one member a room, 2,000/s' },
  { ...single, name: 'one member a room, 4,000/s', eventsPerSecond: 4_000, use: 'check' },
  { ...single, name: 'every fourth room has one', sockets: 250, use: 'check' },
  { ...fanOut, name: '10 members a room' },
  { ...fanOut, name: '100 members a room', rooms: 10, eventsPerSecond: 100 },
  { ...fanOut, name: '10 members a room, 1,000/s', eventsPerSecond: 1_000, use: 'check' },
  { ...dropped, name: '2 gateways, no members', gateways: 2 },
  { ...single, name: '2 gateways, every second room', gateways: 2, sockets: 500 },
  { ...dropped, name: 'no members, 20,000/s', eventsPerSecond: 20_000 },
  { ...dropped, name: 'no members, 40,000/s', eventsPerSecond: 40_000, use: 'check' },
  { ...dropped, name: 'no members, 80,000/s', eventsPerSecond: 80_000 },
  { ...dropped, name: 'no members, 20,000/s each 5 ms', eventsPerSecond: 20_000, appendEveryMs: 5 },
  { ...dropped, name: 'no members, 40,000/s each 10 ms', eventsPerSecond: 40_000, appendEveryMs: 10, use: 'check' },
  { ...dropped, name: '32 partitions, 20,000/s', eventsPerSecond: 20_000, partitions: 32 },
  { ...dropped, name: '64 partitions, 20,000/s', eventsPerSecond: 20_000, partitions: 64, use: 'check' },
  { ...many, name: 'one member a room, 10,000/s', eventsPerSecond: 10_000 },
  { ...many, name: 'one member a room, 20,000/s', use: 'check' },
  { ...dropped, name: '2 gateways, 20,000/s each 5 ms', gateways: 2, eventsPerSecond: 20_000, appendEveryMs: 5 },
  { ...dropped, name: '4 gateways, no members', gateways: 4, use: 'check' },
  { ...single, name: '4 gateways, every fourth room', gateways: 4, sockets: 250, use: 'check' },
  { ...single, ...placed, name: '4 gateways, placed by room', gateways: 4, sockets: 250 },
  {
    ...many,
    ...placed,
    name: '4 gateways, placed by room, 5,000/s',
    gateways: 4,
    sockets: 250,
    eventsPerSecond: 5_000,
  },
]

/** One member a room at a steady rate, and one thing changed. The first stands at both ends, so that the noise shows. */
export const tuningConfigurations: readonly Configuration[] = [
  { ...single, name: 'as it is', env: {} },
  { ...single, name: '`--max-semi-space-size=1`', env: { NODE_OPTIONS: '--max-semi-space-size=1' } },
  { ...single, name: '`--max-semi-space-size=32`', env: { NODE_OPTIONS: '--max-semi-space-size=32' } },
  { ...single, name: '`--max-semi-space-size=64`', env: { NODE_OPTIONS: '--max-semi-space-size=64' } },
  { ...single, name: '`ROOMWAY_RECENT_WINDOW_BYTES=4194304`', env: { ROOMWAY_RECENT_WINDOW_BYTES: '4194304' } },
  { ...single, name: 'events of 1,024 bytes', payloadBytes: 1_024 },
  { ...single, name: 'as it is, again', env: {} },
].map((configuration) => ({ ...configuration, eventsPerSecond: 4_000 }))

/** Its first runs compile the broker's code; it counts nowhere. */
export const warmUpConfiguration: Configuration = { ...single, name: 'warm-up' }
