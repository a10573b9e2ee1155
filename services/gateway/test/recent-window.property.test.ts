import { describe, expect, jest, test } from '@jest/globals'
import type { WireFormat } from '@roomway/protocol'
import { msgpackCodec } from '@roomway/protocol/msgpack'
import { placeId, type ReadEvent } from '@roomway/records'
import * as fc from 'fast-check'
import { RecentWindow } from '../src/log/recent-window.js'
import { WindowMemory } from '../src/log/window-memory.js'
import { Rooms } from '../src/rooms/rooms.js'

const sampled = (n: number) => `00-${String(n).padStart(32, 'a')}-b7ad6b7169203331-01`

/** What a window was given, and what a reader of its frames is to find there. */
interface Given {
  readonly read: ReadEvent
  readonly prev: number
  readonly readAtSeconds: number
  traceparent: string | undefined
  readonly frames: Set<WireFormat>
  readonly chunk: Chunk
}

/** Events that lie together, 256 or fewer, and the frames of these that are kept, which go together. */
interface Chunk {
  readonly firstIndex: number
  keptFrames: number
  /** Of those that share pieces of memory. */
  sharedFrames: number[]
  ownBytes: number
}

const text = (value: string | undefined): number => (value === undefined ? 0 : 24 + value.length)

/** What it is to count for in the budget. */
function bytesOf({ read, traceparent }: Given): number {
  const { payload, ownId, user, contentType } = read
  const texts =
    text(ownId) + text(user) + text(traceparent) + (contentType === 'application/json' ? 0 : text(contentType))
  return 96 + payload.length + texts
}

function bytesOfFrames({ keptFrames, sharedFrames, ownBytes }: Chunk): number {
  let pieces = 0
  let filled = 4_096
  for (const length of sharedFrames) {
    if (filled + length > 4_096) {
      pieces++
      filled = 0
    }
    filled += length
  }
  return pieces * 4_096 + ownBytes + keptFrames * 100
}

class Log {
  readonly memory = new WindowMemory(Number.MAX_SAFE_INTEGER)
  readonly window = new RecentWindow('e1', 3, 0, this.memory)
  readonly rooms = new Rooms()
  given: Given[] = []
  #offset = 0
  #index = 0
  readonly #last = new Map<string, number>()

  add(room: string, seconds: number, event: Partial<ReadEvent>): void {
    this.#offset += 1 + (this.#offset % 3)
    const offset = this.#offset
    const read: ReadEvent = {
      room,
      offset,
      ownId: undefined,
      event: 'message',
      contentType: 'application/json',
      isJson: true,
      payload: Buffer.from(JSON.stringify({ n: offset })),
      timeMs: 1_732_641_234_567 + offset,
      user: undefined,
      traceparent: undefined,
      ...event,
    }
    const before = this.expectedBytes()
    this.rooms.obtain(room, this.window).log(read, seconds * 1_000)
    const { traceparent } = read
    const prev = this.#last.get(room) ?? -1
    const chunk = this.#chunkOf(this.#index++)
    this.given.push({ read, prev, readAtSeconds: seconds, traceparent, frames: new Set(), chunk })
    this.#last.set(room, offset)
    this.#makeRoom(before)
  }

  #chunkOf(index: number): Chunk {
    const last = this.given.at(-1)?.chunk
    const isFull = last === undefined || index === last.firstIndex + 256
    return isFull ? { firstIndex: index, keptFrames: 0, sharedFrames: [], ownBytes: 0 } : last
  }

  /** Few at one time, but no more is used than before. */
  #makeRoom(bytesBefore: number): void {
    for (let n = 0; this.given.length > 1; n++) {
      const bytes = this.expectedBytes()
      if (bytes <= this.memory.maxBytes || (n >= 64 && bytes <= bytesBefore)) return
      this.given.shift()
    }
  }

  expectedBytes(): number {
    const rooms = new Set(this.given.map(({ read }) => read.room))
    const chunks = new Set(this.given.map(({ chunk }) => chunk))
    const framesBytes = [...chunks].reduce((sum, chunk) => sum + bytesOfFrames(chunk), 0)
    return this.given.reduce((sum, given) => sum + bytesOf(given), rooms.size * 320 + framesBytes)
  }

  /** As of an event that was delivered under a span of the node's. */
  addTraced(room: string, seconds: number, span: number): void {
    this.add(room, seconds, { traceparent: sampled(0) })
    const last = this.given.at(-1)!
    last.traceparent = sampled(span)
    this.rooms.get(room)!.traceLast(last.traceparent)
  }

  expire(seconds: number): void {
    this.window.expire(seconds * 1_000)
    while (this.given[0] !== undefined && this.given[0].readAtSeconds < seconds) this.given.shift()
  }

  /** The room's events, from its own list. */
  indexes(room: string): number[] {
    const { events } = this.window
    const indexes: number[] = []
    for (let i = this.rooms.get(room)?.first ?? -1; i >= 0; i = events.nextInRoom(i)) indexes.push(i)
    return indexes
  }

  frames(room: string, format: WireFormat): unknown[] {
    const given = this.given.filter(({ read }) => read.room === room)
    return this.indexes(room).map((index, n) => {
      const wasKept = given[n]!.frames.has(format)
      const isKept = this.memory.mayKeepFrames || wasKept
      const frame = this.window.events.frameOf(index, format)
      if (isKept && !wasKept) noteFrame(given[n]!, format, frame.length)
      if (isKept) expect(this.window.events.frameOf(index, format)).toBe(frame)
      return format === 'json' ? JSON.parse(Buffer.from(frame).toString()) : msgpackCodec.decode(frame)
    })
  }
}

function noteFrame({ frames, chunk }: Given, format: WireFormat, length: number): void {
  frames.add(format)
  chunk.keptFrames++
  if (length > 1_024) chunk.ownBytes += length
  else chunk.sharedFrames.push(length)
}

/** The room's events, from the last one on. */
function backwards({ window, rooms }: Log, room: string): number[] {
  const indexes: number[] = []
  for (let i = rooms.get(room)?.last ?? -1; i >= 0; i = window.events.prevInRoom(i)) indexes.push(i)
  return indexes
}

const frameOf = ({ read, prev, traceparent }: Given, format: WireFormat): object => ({
  type: 'event',
  room: read.room,
  offset: read.offset,
  prev,
  id: read.ownId ?? placeId('e1', 3, read.offset),
  event: read.event,
  ...dataOf(read, format),
  time: read.timeMs,
  ...(read.user !== undefined && { user: read.user }),
  ...(traceparent !== undefined && { traceparent }),
})

function dataOf({ isJson, contentType, payload }: ReadEvent, format: WireFormat): object {
  if (isJson) return { data: JSON.parse(Buffer.from(payload).toString()) as unknown }
  return format === 'json'
    ? { contentType, dataBase64: Buffer.from(payload).toString('base64') }
    : { contentType, data: new Uint8Array(payload) }
}

const formats = ['json', 'msgpack'] as const
const rooms = ['a', 'b', 'c', 'd']
const room = fc.constantFrom(...rooms)
const anyText = fc.option(fc.string({ maxLength: 40 }), { nil: undefined })
// MessagePack's reader renames a key __proto__.
const json = fc.json({ maxDepth: 1 }).filter((text) => !text.includes('"__proto__":'))
const payload = fc.oneof(
  { weight: 9, arbitrary: fc.record({ payload: json.map((text) => Buffer.from(text)) }) },
  fc.record({
    payload: fc.nat(9_000).map((length) => Buffer.alloc(length, length)),
    contentType: fc.constantFrom('image/png', 'text/plain'),
    isJson: fc.constant(false),
  }),
)
const event = fc.record({
  ownId: anyText,
  user: anyText,
  event: fc.constantFrom('message', 'x'),
  timeMs: fc.maxSafeNat(),
  payload,
})

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('add' as const), room, event }) },
  // Long stretches, so that columns end within a run.
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('addMany' as const), room, count: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('addTraced' as const), room, span: fc.nat(99) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('look' as const), room, format: fc.constantFrom(...formats) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('expire' as const), seconds: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('budget' as const), bytes: fc.nat(60_000) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function take(log: Log, step: Step, seconds: number): void {
  if (step.kind === 'add') log.add(step.room, seconds, { ...step.event, ...step.event.payload })
  if (step.kind === 'addMany') for (let n = 0; n < step.count; n++) log.add(rooms[n % 3]!, seconds, {})
  if (step.kind === 'addTraced') log.addTraced(step.room, seconds, step.span)
  if (step.kind === 'look') void log.frames(step.room, step.format)
  if (step.kind === 'expire') log.expire(seconds - step.seconds)
  if (step.kind === 'budget') log.memory.maxBytes = step.bytes
}

describe('the recent window', () => {
  test('has of each room the events since `from`, in order, as they were read, whatever it forgot', () => {
    const holds = (steps: Step[]) => {
      const log = new Log()
      for (const [seconds, step] of steps.entries()) take(log, step, seconds)
      const oldest = log.given[0]
      if (oldest !== undefined) expect(log.window.from).toBeLessThanOrEqual(oldest.read.offset)
      for (const name of rooms) {
        const kept = log.given.filter(({ read }) => read.room === name)
        for (const format of formats) {
          const told = kept.map((given) => frameOf(given, format))
          const frames = log.frames(name, format)
          expect(frames).toEqual(told)
        }
        const indexes = log.indexes(name)
        expect(backwards(log, name)).toEqual([...indexes].reverse())
        for (const offset of [-1, ...kept.map(({ read }) => read.offset - 1), ...kept.map(({ read }) => read.offset)])
          expect(log.rooms.get(name)?.firstAfter(offset) ?? -1).toBe(
            indexes.find((index) => log.window.events.offsetOf(index) > offset) ?? -1,
          )
        expect(indexes.map((index) => log.window.events.timeMsOf(index))).toEqual(kept.map(({ read }) => read.timeMs))
      }
      expect(log.window.events.end - log.window.events.first).toBe(log.given.length)
    }
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), holds), { numRuns: 200 })
  })

  test('counts what it holds, frames and texts among it, and nothing once it is empty', () => {
    const holds = (steps: Step[]) => {
      const log = new Log()
      for (const [seconds, step] of steps.entries()) take(log, step, seconds)
      expect(log.memory.usedBytes).toBe(log.expectedBytes())
      log.window.clear()
      expect(log.memory.usedBytes).toBe(0)
      expect([...log.rooms.all()]).toEqual([])
    }
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), holds), { numRuns: 100 })
  })

  test('finds the few events that are missed at the end of many without a look at those before', () => {
    const log = new Log()
    for (let n = 0; n < 5_000; n++) log.add('a', 1, {})
    const lookedAt = jest.spyOn(log.window.events, 'offsetOf')
    const missed = log.given.at(-10)!.read.offset
    const first = log.rooms.get('a')!.firstAfter(missed - 1)
    expect(lookedAt.mock.calls.length).toBeLessThan(20)
    expect(log.window.events.offsetOf(first)).toBe(missed)
  })

  test('makes no more chunks, slabs and memory for frames once it forgets as much as it takes in', () => {
    const log = new Log()
    const { memory } = log
    memory.maxBytes = 1_000_000
    const payload = Buffer.from(JSON.stringify('x'.repeat(500)))
    const made = [memory.chunks, memory.slabs, memory.framePieces].map((spares) => {
      const all = new Set<object>()
      const take = spares.take.bind(spares) as () => never
      jest.spyOn(spares, 'take').mockImplementation(() => {
        const one = take()
        all.add(one)
        return one
      })
      return all
    })
    for (let n = 0; n < 8_000; n++) {
      log.add('a', 1, { payload })
      if (n % 20 === 0) log.window.events.frameOf(log.window.events.end - 1, 'json')
    }
    expect(log.window.keptEvents).toBeLessThan(2_000)
    expect(made.map(({ size }) => size <= 30)).toEqual([true, true, true])
  })

  test('lets go what a forgotten event refers to, although others of its stretch are kept', () => {
    const log = new Log()
    const { events } = log.window
    log.add('a', 1, { contentType: 'text/plain', isJson: false, ownId: 'x', user: 'y' })
    log.add('b', 5, {})
    log.expire(3)
    expect(events.homeOf(1).name).toBe('b')
    expect(() => events.at(0)).toThrow()
    const left: unknown[] = [events.homeOf(0)]
    log.window.clear()
    expect([...left, log.memory.usedBytes]).toEqual([undefined, 0])
    log.add('c', 6, {})
    expect(log.frames('c', 'json')).toMatchObject([{ room: 'c', prev: expect.any(Number) }])
  })
})
