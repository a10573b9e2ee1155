import { describe, expect, jest, test } from '@jest/globals'
import type { AppendRecord, Log } from '@roomway/broker'
import { type MakeOutcome, type Outcome, OutcomeWriter } from '@roomway/records'
import { outcomeOf, readerOf, record, roomsOf } from './event-records.js'

const [room] = roomsOf(0, 1) as [string]

/** One events partition, its only reader, and a writer that is told what that reads. */
class Scene {
  readonly outcomes: Outcome[] = []
  readonly writer: OutcomeWriter
  rewrites = 0
  next = 0
  /** How appends go; resolves when the caller is to learn of it. */
  onAppend: (land: () => void) => Promise<void> = async (land) => land()
  readonly #reader = readerOf({
    onOutcome: (outcome) => {
      this.outcomes.push(outcome)
      this.writer.onOutcome(outcome)
    },
  })

  constructor() {
    const append = (records: readonly AppendRecord[]) => this.onAppend(() => this.land(records))
    this.writer = new OutcomeWriter({
      log: { append } as unknown as Log,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      position: () => this.next,
      onRewrite: () => this.rewrites++,
    })
  }

  land(records: readonly Pick<AppendRecord, 'headers'>[]): void {
    for (const { headers } of records) this.#reader.read(record(this.next++, room, { ...headers }))
  }

  write(
    id: string,
    make: MakeOutcome = (seen) => ({ partition: 0, key: room, headers: outcomeOf(id, seen), value: new Uint8Array() }),
  ) {
    this.writer.write(id, 0, make)
  }

  counting = (id: string) => this.outcomes.filter(({ commandKey, counts }) => counts && commandKey === id).length
}

const settled = async () => {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate)
}

/** Two writers of one outcome whose appends, and readings, take 10 ms each, and who began half of that apart: each repeats just before it reads the other's. */
class Lockstep {
  readonly #records: { readonly seen: number; readonly landedMs: number }[] = []
  readonly #appends: { readonly seen: number; readonly atMs: number; readonly resolve: () => void }[] = []
  readonly #writers = [new LateReader(this), new LateReader(this)]
  nowMs = 0

  get rewrites(): number {
    return this.#writers.reduce((sum, { rewrites }) => sum + rewrites, 0)
  }

  get isOver(): boolean {
    return this.nowMs > 10 && this.#writers.some(({ writer }) => writer.size === 0)
  }

  append(seen: number): Promise<void> {
    return new Promise((resolve) => void this.#appends.push({ seen, atMs: this.nowMs + 10, resolve }))
  }

  async run(forMs: number): Promise<void> {
    jest.useFakeTimers({ doNotFake: ['setImmediate'] })
    try {
      for (; this.nowMs < forMs && !this.isOver; this.nowMs++) await this.#pass1ms()
    } finally {
      jest.useRealTimers()
    }
    const closing = Promise.all(this.#writers.map(({ writer }) => writer.close()))
    // What is under way is waited for.
    for (const { resolve } of this.#appends.splice(0)) resolve()
    await closing
  }

  async #pass1ms(): Promise<void> {
    if (this.nowMs % 5 === 0) this.#writers[this.nowMs / 5]?.begin()
    while (this.#appends[0]?.atMs === this.nowMs) this.#land(this.#appends.shift()!)
    for (const writer of this.#writers) writer.read(this.#records, this.nowMs - 10)
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
    jest.advanceTimersByTime(1)
  }

  #land({ seen, resolve }: { readonly seen: number; readonly resolve: () => void }): void {
    this.#records.push({ seen, landedMs: this.nowMs })
    resolve()
  }
}

/** Reads what landed long enough ago. Offsets begin where the first records do not count. */
class LateReader {
  readonly writer: OutcomeWriter
  rewrites = 0
  #next = 0
  readonly #reader = readerOf({ onOutcome: (outcome) => this.writer.onOutcome(outcome) })

  constructor(lockstep: Lockstep) {
    this.writer = new OutcomeWriter({
      log: {
        append: ([{ headers }]: [AppendRecord]) => lockstep.append(Number(headers['roomway-seen'])),
      } as unknown as Log,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      position: () => this.#next,
      onRewrite: () => this.rewrites++,
    })
  }

  begin(): void {
    const make = (seen: number) => ({
      partition: 0,
      key: room,
      headers: outcomeOf('s:1', seen),
      value: new Uint8Array(),
    })
    this.writer.write('s:1', 0, make)
  }

  read(records: readonly { readonly seen: number; readonly landedMs: number }[], landedMs: number): void {
    const first = 10_000
    for (let index = Math.max(0, this.#next - first); (records[index]?.landedMs ?? Infinity) <= landedMs; index++) {
      this.#next = first + index + 1
      this.#reader.read(record(first + index, room, outcomeOf('s:1', records[index]!.seen)))
    }
  }
}

describe('an outcome', () => {
  test('of two writers that repeat in step is come to all the same', async () => {
    const lockstep = new Lockstep()
    await lockstep.run(3_000)
    expect(lockstep.rewrites).toBeGreaterThanOrEqual(2)
    expect(lockstep.isOver).toBe(true)
  })

  test('is written again once where it does not count, however often that is read', async () => {
    // The pause before the second time is drawn, and may be none.
    jest.useFakeTimers({ doNotFake: ['setImmediate'] })
    const scene = new Scene()
    scene.onAppend = async () => undefined
    scene.write('s:1')
    await settled()
    for (let repeat = 0; repeat < 3; repeat++)
      scene.writer.onOutcome({ commandKey: 's:1', partition: 0, offset: repeat, counts: false })
    await settled()
    for (let repeat = 0; repeat < 3; repeat++)
      scene.writer.onOutcome({ commandKey: 's:1', partition: 0, offset: repeat, counts: false })
    expect(scene.rewrites).toBe(2)
    await scene.writer.close()
    jest.useRealTimers()
  })

  test('is written once where it counts, and forgotten', async () => {
    const scene = new Scene()
    scene.write('s:1')
    scene.write('s:1')
    expect(scene.writer.size).toBe(1)
    await settled()
    expect(scene.outcomes).toMatchObject([{ commandKey: 's:1', counts: true }])
    expect(scene.writer.size).toBe(0)
  })

  test.each(['before', 'after'])(
    'that does not count is written again until one does, its append being confirmed %s it is read',
    async (when) => {
      const scene = new Scene()
      let failures = 2
      scene.onAppend = async (land) => {
        if (failures-- > 0) scene.next += 9_000
        if (when === 'after') land()
        else setImmediate(land)
      }
      scene.write('s:1')
      while (scene.writer.size > 0) await settled()
      expect(scene.outcomes.map(({ counts }) => counts)).toEqual([false, false, true])
      expect(scene.rewrites).toBe(2)
      expect(scene.writer.size).toBe(0)
    },
  )

  test('is not written again where another writer’s counts', async () => {
    const scene = new Scene()
    scene.onAppend = async (land) => {
      scene.land([{ headers: outcomeOf('s:1', scene.next - 1) }])
      land()
    }
    scene.write('s:1')
    await settled()
    expect(scene.outcomes.map(({ counts }) => counts)).toEqual([true, false])
    expect(scene.writer.size).toBe(0)
  })

  test('is not written where it is not needed any more, or was given up', async () => {
    const scene = new Scene()
    scene.write('s:1', () => undefined)
    scene.write('s:2')
    scene.writer.cancel('s:2')
    scene.write('s:3')
    await settled()
    expect(scene.outcomes.map(({ commandKey }) => commandKey)).toEqual(['s:3'])
    expect(scene.writer.size).toBe(0)
  })

  test('keeps its place among those of the partition, and each has one that counts', async () => {
    const scene = new Scene()
    for (const id of ['s:1', 's:2', 's:3']) scene.write(id)
    await settled()
    expect(scene.outcomes.map(({ commandKey }) => commandKey)).toEqual(['s:1', 's:2', 's:3'])
    for (const id of ['s:1', 's:2', 's:3']) expect(scene.counting(id)).toBe(1)
    await scene.writer.close()
  })
})
