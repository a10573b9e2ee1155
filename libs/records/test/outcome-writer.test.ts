import { describe, expect, test } from '@jest/globals'
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

describe('an outcome', () => {
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
      await settled()
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
