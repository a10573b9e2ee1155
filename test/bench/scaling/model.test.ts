import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { configurations } from './configurations.js'
import { fitConstants, predict } from './least-squares.js'
import { fitModel, type Load, loadOf, type Model, predictLoad, type Sample } from './model.js'
import { partitionShare } from './record-batches.js'
import { costOf, nodeBudget, nodeConnections, nodesNeeded, paysFrom, readingLimit } from './sizing.js'
import { batchesOf, type Deployment, interestedNodes, shareOf, ways } from './ways.js'

describe('a fit', () => {
  test('finds the constants that made the values', () => {
    const constant = fc.double({ min: 0.1, max: 100, noNaN: true })
    fc.assert(
      fc.property(constant, constant, constant, (a, b, c) => {
        const known = { a, b, c }
        const rows = [
          { a: 1, b: 2, c: 3 },
          { a: 1, b: 9, c: 5 },
          { a: 1, b: 4, c: 40 },
          { a: 1, b: 30, c: 6 },
          { a: 1, b: 0, c: 1 },
        ]
        const found = fitConstants(rows.map((features) => ({ features, value: predict(known, features) })))
        expect(found.a).toBeCloseTo(a, 4)
        expect(found.b).toBeCloseTo(b, 4)
        expect(found.c).toBeCloseTo(c, 4)
      }),
    )
  })

  test('gives no cost below zero', () => {
    const rows = [10, 20, 30].map((x) => ({ features: { each: 1, slope: x }, value: 100 - x }))
    const { each, slope } = fitConstants(rows)
    expect(slope).toBe(0)
    expect(each).toBeGreaterThan(70)
  })

  test('refuses observations that do not tell the constants apart', () => {
    expect(() => fitConstants([1, 2].map((x) => ({ features: { x, twice: 2 * x }, value: x })))).toThrow(/apart/)
  })
})

const known: Model = {
  fetchMs: { fetch: 0.3, partition: 0.01, append: 1 },
  gatewayUs: { second: 5_000, fetch: 40, partition: 0.5, batch: 6, event: 2.5, shown: 9, frame: 6 },
  readBytes: { second: 1_000, fetch: 30, partition: 40, batch: 61, event: 150 },
  brokerUs: { second: 20_000, append: 150, batch: 8, event: 1, fetch: 60, partition: 1.5, sent: 7, kB: 2 },
}

/** A run as it would be if the model were the truth, and measured CPU were off by `noise`. */
function sampleOf(configuration: Sample['configuration'], truth: Model = known, noise = () => 1): Sample {
  const { eventsPerSecond, appendEveryMs = 1 } = configuration
  const produceRequests = Math.min(eventsPerSecond, 900 / appendEveryMs)
  const load = loadOf({ configuration, measured: { produceRequests } as never })
  const { fetches, gatewayCpuMs, ...costs } = predictLoad(truth, load)
  const written = { gatewayWrittenBytes: fetches * (69 + 33 * configuration.partitions) }
  return {
    configuration,
    measured: {
      name: configuration.name,
      produceRequests,
      ...written,
      gatewayCpuMs: gatewayCpuMs * noise(),
      ...costs,
    } as never,
  }
}

const fitOf = (samples: readonly Sample[]) =>
  fitModel(samples.filter(({ configuration }) => configuration.use === 'fit'))

describe('the model', () => {
  test('is found again from the configurations that it is fitted to, and predicts the others', () => {
    const samples = configurations.map((configuration) => sampleOf(configuration))
    const model = fitOf(samples)
    for (const sample of samples) {
      const predicted = predictLoad(model, loadOf(sample))
      expect(predicted.gatewayCpuMs / sample.measured.gatewayCpuMs).toBeCloseTo(1, 2)
      expect(predicted.gatewayReadBytes / sample.measured.gatewayReadBytes).toBeCloseTo(1, 2)
      expect(predicted.brokerCpuMs / sample.measured.brokerCpuMs).toBeCloseTo(1, 2)
    }
  })

  test('tells what a batch costs from what an event costs, though at low rates they only show together', () => {
    for (const [batch, event] of [
      [8, 1],
      [1, 8],
    ] as const) {
      const truth = { ...known, gatewayUs: { ...known.gatewayUs, batch, event } }
      const { gatewayUs, readBytes, brokerUs } = fitOf(
        configurations.map((configuration) => sampleOf(configuration, truth)),
      )
      expect(gatewayUs.batch).toBeCloseTo(batch, 1)
      expect(gatewayUs.event).toBeCloseTo(event, 1)
      expect(readBytes).toMatchObject({ batch: expect.closeTo(61, 1), event: expect.closeTo(150, 1) })
      expect(brokerUs).toMatchObject({ batch: expect.closeTo(8, 1), sent: expect.closeTo(7, 1) })
    }
  })

  test('finds what reading costs at 100,000 events/s from runs that are each off by some percent', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const noise = noiseOf(seed, 0.1)
      const found = fitOf(configurations.map((configuration) => sampleOf(configuration, known, noise)))
      const readingBy = (model: Model) => costOf(model, 'all', { ...deployment, eventsPerSecond: 100_000 }, 20).reading
      expect(readingBy(found) / readingBy(known)).toBeGreaterThan(0.8)
      expect(readingBy(found) / readingBy(known)).toBeLessThan(1.2)
    }
  })

  test('is fitted, and checked, at rates at which a batch holds many events', () => {
    for (const use of ['fit', 'check'] as const) {
      const samples = configurations.filter((one) => one.use === use).map((configuration) => sampleOf(configuration))
      const perBatch = samples.map((sample) => loadOf(sample)).map(({ events, batches }) => events / (batches || 1))
      expect(Math.max(...perBatch)).toBeGreaterThan(3)
    }
  })

  test('is checked by 4 gateways and by 64 partitions, to which it is not fitted', () => {
    const checked = configurations.filter(({ use }) => use === 'check')
    expect(checked.some(({ gateways }) => gateways === 4)).toBe(true)
    expect(checked.some(({ partitions }) => partitions === 64)).toBe(true)
    const fitted = configurations.filter(({ use }) => use === 'fit')
    expect(fitted.some(({ gateways, partitions }) => gateways === 4 || partitions === 64)).toBe(false)
  })

  test('has the broker send to each of several gateways what it sends to one', () => {
    const brokerUs = { second: 0, append: 0, batch: 0, event: 0, fetch: 0, partition: 0, sent: 3, kB: 2 }
    const sending = { ...known, brokerUs }
    const load = { partitions: 16, appends: 900, batches: 1_800, events: 2_000, shown: 0, frames: 0, gateways: 1 }
    const one = predictLoad(sending, load)
    const four = predictLoad(sending, { ...load, gateways: 4 })
    expect(four.brokerCpuMs / one.brokerCpuMs).toBeCloseTo(4, 6)
    expect(four.gatewayReadBytes).toBe(one.gatewayReadBytes)
  })

  test('counts the events that have members on a node once, and their frames each', () => {
    const configuration = { ...configurations[0]!, rooms: 100, sockets: 1_000, eventsPerSecond: 50 }
    const load: Load = loadOf({ configuration, measured: { produceRequests: 50 } as never })
    expect(load).toMatchObject({ shown: 50, frames: 500 })
    expect(
      loadOf({ configuration: { ...configuration, sockets: 25 }, measured: { produceRequests: 50 } as never }),
    ).toMatchObject({ shown: 12.5, frames: 12.5 })
  })
})

/** Factors evenly spread around 1, always the same (Park and Miller's generator). */
function noiseOf(seed: number, most: number): () => number {
  let state = seed * 7_919
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return 1 + most * (2 * (state / 2_147_483_647) - 1)
  }
}

const deployment: Deployment = {
  connections: 100_000,
  eventsPerSecond: 10_000,
  rooms: 10_000,
  membersPerRoom: 10,
  partitions: 64,
  publishers: 10,
  appendEveryMs: 5,
  spread: 1,
}

describe('the ways', () => {
  test('all give one node the same work, but for the router’s own reading', () => {
    for (const way of ways) expect(shareOf(way, deployment, 1)).toMatchObject({ read: 10_000, frames: 100_000 })
    expect(shareOf('router', deployment, 1).sent).toBe(20_000)
  })

  test('reading everything, the broker sends everything to every node', () => {
    expect(shareOf('all', deployment, 20)).toMatchObject({ read: 10_000, sent: 200_000, followed: 64 })
  })

  test('reading by interest saves nothing once a node has three times as many rooms as there are partitions', () => {
    expect(partitionShare(64, 192)).toBeGreaterThan(0.95)
    expect(shareOf('interest', deployment, 20).read).toBeGreaterThan(9_999)
    const few = { ...deployment, rooms: 16, connections: 16, membersPerRoom: 1 }
    expect(shareOf('interest', few, 16).read).toBeLessThan(0.07 * 10_000)
  })

  test('reading by interest counts the room that each connection has of its own', () => {
    const quiet = { ...deployment, rooms: 1, membersPerRoom: 1, connections: 16 * 200 }
    expect(shareOf('interest', quiet, 16).read).toBeGreaterThan(0.95 * 10_000)
  })

  test('a node has no more connections than it is to have, however little they are sent', () => {
    const still = { ...deployment, connections: 1_000_000, rooms: 100_000, eventsPerSecond: 10 }
    for (const way of ways) expect(nodesNeeded(known, way, still)).toBe(1_000_000 / nodeConnections)
  })

  test('with rooms placed by partition a node reads its part, and no less than one partition', () => {
    expect(shareOf('affine', deployment, 16)).toMatchObject({ read: 10_000 / 16, followed: 4, sent: 10_000 })
    expect(shareOf('affine', deployment, 256)).toMatchObject({ read: 10_000 / 64, followed: 1 })
    expect(shareOf('affine', { ...deployment, spread: 2 }, 16).read).toBe(10_000 / 8)
  })

  test('a router sends each event to the nodes that have members of its room', () => {
    expect(interestedNodes(1, 10)).toBe(1)
    expect(interestedNodes(1e6, 10)).toBeCloseTo(10, 3)
    const { sent } = shareOf('router', deployment, 20)
    expect(sent).toBeCloseTo(10_000 * (1 + interestedNodes(20, 10)), 6)
  })

  test('more nodes do not help who reads everything, once reading alone is too much', () => {
    const much = { ...deployment, eventsPerSecond: 90_000 }
    expect(nodesNeeded(known, 'all', much)).toBeUndefined()
    expect(nodesNeeded(known, 'affine', much)).toBeDefined()
    expect(costOf(known, 'all', much, 500).reading).toBeCloseTo(0.615, 3)
  })

  test('publishers of which each appends every 5 ms make as many batches as that, one for each event at most', () => {
    expect(batchesOf({ ...deployment, eventsPerSecond: 500 })).toBeCloseTo(500, 6)
    expect(batchesOf({ ...deployment, eventsPerSecond: 1e7 })).toBeCloseTo(2_000 * 64, -1)
    expect(batchesOf({ ...deployment, publishers: 1, eventsPerSecond: 1e6 })).toBeCloseTo(200 * 64, 3)
  })

  test('a node reads the batches of the partitions that it follows, and of a router larger ones of its own', () => {
    const all = batchesOf(deployment)
    expect(shareOf('all', deployment, 20)).toMatchObject({ batches: all, sentBatches: 20 * all })
    expect(shareOf('affine', deployment, 16).batches).toBeCloseTo(all / 16, 6)
    const routed = shareOf('router', deployment, 20)
    expect(routed).toMatchObject({ batches: 200, appends: 200 })
    expect(routed.sentBatches).toBeCloseTo(20 * 200 + all, 6)
  })

  test('a node can read the more events, the fewer batches they come in', () => {
    const limits = [1, 10, 100].map((publishers) => readingLimit(known, { ...deployment, publishers }))
    expect(limits).toEqual(limits.toSorted((a, b) => b - a))
    const alone = readingLimit(known, { ...deployment, publishers: Number.POSITIVE_INFINITY })
    expect(alone).toBeCloseTo((nodeBudget * 1e6 - 5_000) / (6 + 2.5), -1)
    expect(limits[0]! / alone).toBeGreaterThan(2.5)
  })

  test('pay from the least rate at which they save one node of five, of five or more', () => {
    const pays = paysFrom(known, 'affine', deployment)!
    expect(pays.all).toBeGreaterThanOrEqual(5)
    expect(pays.other).toBeLessThanOrEqual(0.8 * pays.all!)
    const before = { ...deployment, eventsPerSecond: pays.eventsPerSecond - 1_000 }
    const all = nodesNeeded(known, 'all', before)!
    expect(all < 5 || nodesNeeded(known, 'affine', before)! > 0.8 * all).toBe(true)
    const large = { ...deployment, connections: 1_000_000, rooms: 100_000 }
    expect(paysFrom(known, 'interest', large)).toBeUndefined()
  })
})
