import { msgpackCodec } from '@roomway/protocol/msgpack'

/** What the protocol says of a malformed message: it closes the connection, or gets an error and nothing more. */
export interface Malformed {
  readonly message: string | Uint8Array
  readonly verdict: 'closes' | 'errs'
}

/** Small, fast and seeded (mulberry32): a failure is rerun by its seed. */
export function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

const pick = <T>(next: () => number, items: readonly T[]): T => items[Math.floor(next() * items.length)]!

function junk(next: () => number): unknown {
  const kinds: (() => unknown)[] = [
    () => null,
    () => -1,
    () => 1.5,
    () => 2 ** 60,
    () => '',
    () => '\u0000',
    () => '$session',
    () => 'x'.repeat(300),
    () => [],
    () => [[[[]]]],
    () => ({}),
    () => ({ epoch: 1 }),
    () => ({ toString: 1, __proto__: null }),
    () => true,
    () => 'room:1',
  ]
  return pick(next, kinds)()
}

const types = [
  'join',
  'leave',
  'publish',
  'resume',
  'auth',
  'seen',
  'presence',
  'unknown',
  '',
  'constructor',
  '__proto__',
  'event',
  'welcome',
]
const members = [
  'id',
  'room',
  'from',
  'data',
  'token',
  'rooms',
  'event',
  'after',
  'contentType',
  'dataBase64',
  'offset',
]

/** An object that is no valid frame: its `id` is never one. */
export function invalidFrame(next: () => number): Record<string, unknown> {
  const frame: Record<string, unknown> = { type: next() < 0.9 ? pick(next, types) : junk(next) }
  for (const member of members) if (next() < 0.4) frame[member] = junk(next)
  // It has no id to be wrong.
  if (frame.type === 'seen') frame.offset = 'far'
  frame.id = pick(next, [0, -1, 1.5, 'one', null, {}, [], 2 ** 53])
  return frame
}

/** A message that is no object of the format at all. */
export function brokenMessage(next: () => number, format: 'json' | 'msgpack'): string | Uint8Array {
  if (format === 'json') {
    const texts = [
      '',
      '{',
      'nul',
      '[]',
      '[{"type":"ping"}]',
      '1',
      '"text"',
      'null',
      '{"type":"ping"}}',
      '{"type":ping}',
      '{"a":1,}',
      '\ufeff{}',
      '{"type":"ping"',
      '['.repeat(5_000),
    ]
    return pick(next, texts)
  }
  const bytes = [
    Uint8Array.of(),
    Uint8Array.of(0xc1),
    Uint8Array.of(0xc0),
    Uint8Array.of(0x90),
    Uint8Array.of(0xd4, 0x01, 0x02),
    Uint8Array.of(0x81),
    Uint8Array.of(0xdf, 0xff, 0xff, 0xff, 0xff),
  ]
  const trailing = Buffer.concat([msgpackCodec.encode({ type: 'ping' }) as Uint8Array, Buffer.of(0)])
  return pick(next, [...bytes, trailing])
}
