import { expect, jest, test } from '@jest/globals'
import type { Batch, TailObserver } from '@roomway/broker'
import fc from 'fast-check'
import { errorCodes } from '../src/error-codes.js'
import type { FetchAnswer } from '../src/fetch-request.js'
import { MovingPartition, moving } from './support/moving-partition.js'
import type { Asked } from './support/scripted-kafka.js'
import { fetched } from './support/scripted-kafka.js'

const steps = ['append', 'move', 'hold', 'release', 'wait'] as const
const ofNode = ['answer', 'refuse', 'lose'] as const
type Step = (typeof steps)[number] | readonly [(typeof ofNode)[number], 1 | 2]

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constantFrom(...steps, 'release'),
  fc.tuple(fc.constantFrom('answer', ...ofNode), fc.constantFrom(1 as const, 2 as const)),
)

/** Two nodes that take turns in leading a partition, answer when told to, and need not know that they lead it no more. */
class Interleaving implements TailObserver {
  scene!: MovingPartition
  readonly appended: string[] = []
  readonly seen: string[] = []
  isReset = false
  #isHolding = false
  #release: (() => void) | undefined
  #overlaps = 0
  /** Where the partition ended when a node ceased to lead it. Undefined: what such a node has is lost. */
  #ends: Map<number, number> | undefined = new Map()

  get overlaps(): number {
    return this.#overlaps
  }

  onBatch({ records }: Batch): Promise<void> | void {
    if (this.#release !== undefined) this.#overlaps++
    this.seen.push(...records.map(({ value }) => Buffer.from(value).toString()))
    if (!this.#isHolding) return
    this.#isHolding = false
    return new Promise((resolve) => {
      this.#release = resolve
    })
  }

  onReset(): void {
    this.isReset = true
  }

  async run(step: Step): Promise<void> {
    if (step === 'append') this.#append()
    else if (step === 'move') await this.#move()
    else if (step === 'hold') this.#isHolding = true
    else if (step === 'release') this.#letGo()
    else if (step === 'wait') await jest.advanceTimersByTimeAsync(1_500)
    else this.#reply(...step)
    for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
  }

  /** All that is left to do, for at most so long. */
  async finish(isDone: () => boolean): Promise<void> {
    const rest: Step[] = ['release', 'wait', ['answer', 1], ['answer', 2]]
    for (let rounds = 0; rounds < 30 && !isDone(); rounds++) for (const each of rest) await this.run(each)
  }

  /** The other node leads it now, without the last batch that was read, and with others. */
  async loseTheEnd(): Promise<void> {
    this.#ends = undefined
    await this.#move()
    const { scene } = this
    scene.partition.cut(this.seen.length - 1)
    for (let regrown = 0; regrown < 3; regrown++) scene.append('regrown')
  }

  #append(): void {
    const text = `${this.appended.length}`
    this.appended.push(text)
    this.scene.append(text)
  }

  async #move(): Promise<void> {
    const { kafka, partition } = this.scene
    this.#ends?.set(kafka.leaderOf(moving).nodeId, partition.end)
    await this.scene.move()
  }

  #letGo(): void {
    this.#release?.()
    this.#release = undefined
  }

  #reply(how: (typeof ofNode)[number], nodeId: number): void {
    const fetch = this.scene.kafka.asked.items.find((asked) => asked.isOpen && asked.nodeId === nodeId) as
      | Asked<'Fetch'>
      | undefined
    if (how === 'lose') fetch?.lose()
    else fetch?.answer(this.#answer(fetch, how === 'refuse'))
  }

  #answer(fetch: Asked<'Fetch'>, isRefused: boolean): FetchAnswer[] {
    const position = fetch.positions.get(moving)
    if (position === undefined) return []
    const { kafka, partition } = this.scene
    const leader = kafka.leaderOf(moving)
    const isLeader = leader.nodeId === fetch.nodeId
    if (isLeader && leader.epoch !== position.leaderEpoch) return [fetched(moving, null, errorCodes.fencedLeaderEpoch)]
    const end = isLeader ? partition.end : this.#ends?.get(fetch.nodeId)
    if (end === undefined || (isRefused && !isLeader)) return [fetched(moving, null, errorCodes.notLeaderOrFollower)]
    return [fetched(moving, partition.read(position.offset, end))]
  }
}

async function interleave(all: readonly Step[], check: (interleaving: Interleaving) => Promise<void>): Promise<void> {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'queueMicrotask', 'performance'] })
  const interleaving = new Interleaving()
  interleaving.scene = await MovingPartition.open(interleaving)
  try {
    for (const each of all) await interleaving.run(each)
    await check(interleaving)
  } finally {
    await interleaving.scene.close()
    jest.useRealTimers()
  }
}

test('However a partition moves, and whichever node answers when, its records come once, in order, one batch at a time', async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), (all) =>
    interleave(all, async (interleaving) => {
      await interleaving.finish(() => interleaving.seen.length >= interleaving.appended.length)
      expect(interleaving.seen).toEqual(interleaving.appended)
      expect(interleaving).toMatchObject({ overlaps: 0, isReset: false })
      expect(interleaving.scene.truncations.items).toEqual([])
    }),
  )
  await fc.assert(property, { numRuns: 300 })
})

test('However a partition moved before it lost its end, that is found, and nothing is shown of what grew there instead', async () => {
  const property = fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), (all) =>
    interleave(all, async (interleaving) => {
      await interleaving.finish(() => interleaving.seen.length >= interleaving.appended.length)
      fc.pre(interleaving.seen.length > 0)
      await interleaving.loseTheEnd()
      await interleaving.finish(() => interleaving.isReset)
      expect(interleaving.scene.truncations.items).toEqual([moving])
      expect(interleaving.isReset).toBe(true)
      expect(interleaving.seen).toEqual(interleaving.appended)
    }),
  )
  await fc.assert(property, { numRuns: 100 })
})
