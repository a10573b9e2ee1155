import { describe, expect, test } from '@jest/globals'
import type { WireFormat } from '@roomway/protocol'
import fc from 'fast-check'
import { EventChunk } from '../src/log/event-chunk.js'
import { newFramePiece } from '../src/log/kept-frames.js'
import { Spares } from '../src/log/spares.js'

const pieceBytes = newFramePiece().length

const keep = fc.record({
  kind: fc.constant('keep' as const),
  chunk: fc.nat(2),
  n: fc.nat(255),
  format: fc.constantFrom<WireFormat>('json', 'msgpack'),
  length: fc.oneof(...[300, 1_100, 9_000].map((max) => fc.integer({ min: 1, max }))),
})
const empty = fc.record({ kind: fc.constant('empty' as const), chunk: fc.nat(2) })
const step = fc.oneof({ weight: 20, arbitrary: keep }, { weight: 1, arbitrary: empty })
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

const place = (n: number, format: WireFormat) => `${n} ${format}`

/** Three chunks that share spares, and what is to be found in each. */
class Chunks {
  readonly #spares = new Spares(newFramePiece, 4)
  readonly #chunks = [0, 1, 2].map(() => new EventChunk(this.#spares))
  readonly #kept = this.#chunks.map(() => new Map<string, { frame: Uint8Array; expected: Uint8Array }>())
  #kinds = 0

  take(step: Step): void {
    const chunk = this.#chunks[step.chunk]!
    const kept = this.#kept[step.chunk]!
    if (step.kind === 'empty') {
      chunk.empty()
      kept.clear()
    } else if (!kept.has(place(step.n, step.format))) {
      const given = new Uint8Array(step.length).fill(++this.#kinds)
      const expected = new Uint8Array(given)
      const frame = chunk.frames.keep(step.n, step.format, given)
      given.fill(0)
      kept.set(place(step.n, step.format), { frame, expected })
    }
  }

  check(): void {
    for (const [i, { frames }] of this.#chunks.entries()) {
      const kept = this.#kept[i]!
      for (let n = 0; n < 256; n++)
        for (const format of ['json', 'msgpack'] as const) {
          const one = kept.get(place(n, format))
          const found = frames.of(n, format)
          if (found !== one?.frame || (found !== undefined && Buffer.compare(found, one!.expected) !== 0))
            throw new Error(`chunk ${i} has something else for ${place(n, format)}`)
        }
      const held = new Set([...kept.values()].map(({ frame }) => frame.buffer))
      const heldBytes = [...held].reduce((sum, { byteLength }) => sum + byteLength, 0)
      expect(frames.usedBytes).toBe(heldBytes + 100 * kept.size)
    }
  }
}

describe('the frames that a chunk keeps', () => {
  test('are as they were, whatever others keep and are emptied, and count as the memory that they hold', () => {
    const holds = (steps: readonly Step[]) => {
      const chunks = new Chunks()
      for (const step of steps) chunks.take(step)
      chunks.check()
    }
    fc.assert(fc.property(fc.array(step, { maxLength: 300 }), holds), { numRuns: 200 })
  })

  test('lie side by side, a long one by itself', () => {
    const { frames } = new EventChunk(new Spares(newFramePiece, 1))
    const small = [0, 1, 2].map((n) => frames.keep(n, 'json', new Uint8Array(300)))
    const long = frames.keep(3, 'json', new Uint8Array(pieceBytes))
    const next = frames.keep(4, 'json', new Uint8Array(300))
    expect(new Set([...small, next].map(({ buffer }) => buffer)).size).toBe(1)
    expect(long.buffer).not.toBe(small[0]!.buffer)
    expect(long.buffer.byteLength).toBe(pieceBytes)
  })

  test('leave their memory to other chunks when they go, and each piece of it to one', () => {
    const spares = new Spares(newFramePiece, 10)
    const chunks = [...Array(100).keys()].map(() => new EventChunk(spares))
    const keep = ({ frames }: EventChunk) => frames.keep(0, 'json', new Uint8Array(1_000)).buffer
    const used = chunks.map((chunk) => {
      const buffer = keep(chunk)
      chunk.empty()
      return buffer
    })
    expect(new Set(used).size).toBe(1)
    for (const chunk of chunks.slice(0, 2)) {
      keep(chunk)
      chunk.empty()
    }
    expect(new Set(chunks.map(keep)).size).toBe(chunks.length)
  })

  test('are found however many the chunk has kept and let go of before', () => {
    const chunk = new EventChunk(new Spares(newFramePiece, 10))
    const frame = new Uint8Array(10)
    for (let round = 0; round < 300; round++) {
      chunk.empty()
      for (let n = 0; n < 256; n++) chunk.frames.keep(n, 'json', frame)
    }
    const kept = chunk.frames.keep(255, 'msgpack', new Uint8Array([7]))
    expect(chunk.frames.of(255, 'msgpack')).toBe(kept)
  })
})
