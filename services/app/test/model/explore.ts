import * as fc from 'fast-check'
import { kinds } from './business.js'
import { faultsOf } from './checker.js'
import { fates, turns, World } from './world.js'

const slot = fc.constantFrom(0 as const, 1 as const)
const partition = fc.integer({ min: 0, max: 1 })
const fate = fc.oneof({ weight: 3, arbitrary: fc.constant('acked' as const) }, fc.constantFrom(...fates))
const few = fc.integer({ min: 0, max: 5 })

const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('publish' as const),
      room: fc.integer({ min: 0, max: 2 }),
      kind: fc.constantFrom(...kinds),
      reply: fc.boolean(),
      lag: few,
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('gateway appends' as const), gateway: slot, partition, fate }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('client moves' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('client gives up' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('owner starts' as const), slot }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('owner ends' as const),
      slot,
      how: fc.constantFrom('dies' as const, 'leaves' as const),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('owner reads' as const),
      slot,
      log: fc.constantFrom('commands' as const, 'events' as const),
      partition,
      most: fc.constantFrom(1, 2, 100_000),
    }),
  },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('owner appends' as const), slot, which: few, fate }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('owner works' as const), slot, rounds: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('late lands' as const), which: few }) },
)
const others = fc.record({
  do: fc.constant('others write' as const),
  partition,
  offsets: fc.constantFrom(100, 8_191, 8_192, 8_193, 20_000),
})
type Step =
  | (typeof step extends fc.Arbitrary<infer S> ? S : never)
  | (typeof others extends fc.Arbitrary<infer S> ? S : never)

const end = fc.record({
  gatewaysLand: fc.boolean(),
  lateLands: fc.constantFrom('before' as const, 'after' as const, 'never' as const),
  ownersGoOn: fc.boolean(),
})

/** Whether it changed anything. */
async function take(world: World, one: Step): Promise<boolean> {
  switch (one.do) {
    case 'publish':
      return world.publish(one.room, one.kind, one.reply, one.lag)
    case 'gateway appends':
      return world.gatewayAppends(one.gateway, one.partition, one.fate)
    case 'client moves':
      return world.clientMoves()
    case 'client gives up':
      return world.clientGivesUp()
    case 'owner starts':
      return world.ownerStarts(one.slot)
    case 'owner ends':
      return world.ownerEnds(one.slot, one.how)
    case 'owner reads':
      return world.ownerReads(one.slot, one.log, one.partition, one.most)
    case 'owner appends':
      return world.ownerAppends(one.slot, one.which, one.fate)
    case 'owner works':
      return work(world, one.slot, one.rounds)
    case 'late lands':
      return world.lateLands(one.which)
    case 'others write':
      return world.othersWrite(one.partition, one.offsets)
  }
}

/** Reads everything and has everything land, for some rounds. */
async function work(world: World, owner: 0 | 1, rounds: number): Promise<boolean> {
  for (let round = 0; round < rounds; round++) {
    for (const log of ['commands', 'events'] as const) for (const p of [0, 1]) world.ownerReads(owner, log, p, 100_000)
    await turns()
    for (let i = 0; i < 6; i++) world.ownerAppends(owner, 0, 'acked')
    await turns()
  }
  return false
}

export interface Exploration {
  readonly runs: number
  readonly seed: number
  /** Whether others write so much meanwhile that appends come too late, and takeovers find little of what was. */
  readonly isBusy: boolean
  /** Whether a failure is looked into no further, as it is expected. */
  readonly endOnFailure?: boolean
}

/** How often what is hard has happened. */
export interface Tally {
  commands: number
  reruns: number
  repeats: number
  rewrites: number
  searches: number
  forwards: number
}

/** Plays random interleavings until one breaks a rule. */
export async function explore({
  runs,
  seed,
  isBusy,
  endOnFailure = false,
}: Exploration): Promise<{ failure: string | undefined; tally: Tally; played: number }> {
  const tally: Tally = { commands: 0, reruns: 0, repeats: 0, rewrites: 0, searches: 0, forwards: 0 }
  const steps = fc.array(isBusy ? fc.oneof({ weight: 9, arbitrary: step }, { weight: 1, arbitrary: others }) : step, {
    minLength: 30,
    maxLength: 80,
  })
  const property = fc.asyncProperty(steps, end, async (taken, ending) => {
    const faults = await play(taken, ending, tally)
    if (faults.length > 0) throw new Error(faults.join('\n'))
  })
  const result = await fc.check(property, { numRuns: runs, seed, endOnFailure })
  return {
    failure: result.failed ? `${String(result.errorInstance)}\n${fc.defaultReportMessage(result)}` : undefined,
    tally,
    played: result.numRuns,
  }
}

async function play(taken: readonly Step[], ending: Parameters<World['finish']>[0], tally: Tally): Promise<string[]> {
  const world = new World()
  try {
    for (const one of taken) {
      if (await take(world, one)) await turns()
    }
    await world.finish(ending)
    return [...world.failures, ...faultsOf(world.history)]
  } finally {
    await world.close()
    count(world, tally)
  }
}

function count({ sent, business, counters }: World, tally: Tally): void {
  tally.commands += sent.length
  tally.reruns += business.runs.length - new Set(business.runs.map(({ command }) => command)).size
  tally.repeats += counters.repeats
  tally.rewrites += counters.rewrites
  tally.searches += counters.searches
  tally.forwards += counters.forwards
}
