import { runInThisContext } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import type { Codec } from '../src/index.js'
import { FrameSyntaxError } from '../src/index.js'
import { jsonCodec, rawItems, rawMember } from '../src/json.js'
import { msgpackCodec } from '../src/msgpack.js'

const codecs: [string, Codec][] = [
  ['json', jsonCodec],
  ['msgpack', msgpackCodec],
]
// JSON has no -0; MessagePack's reader renames a key __proto__.
const frames = fc.dictionary(
  fc.string().filter((key) => key !== '__proto__'),
  fc.jsonValue({ maxDepth: 3 }).map(withoutProto),
)

function withoutProto(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value).replaceAll('"__proto__":', '"proto":'))
}

/** What decoding throws; undefined where it does not. */
function fault(codec: Codec, message: string | Uint8Array): unknown {
  try {
    codec.decode(message)
    return undefined
  } catch (error) {
    return error
  }
}

function bytes(...values: (number | readonly number[])[]): Uint8Array {
  return Uint8Array.from(values.flat())
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { in: value }
  return value
}

describe.each(codecs)('the %s codec', (_, codec) => {
  test('reads what it writes', () => {
    fc.assert(
      fc.property(frames, (frame) => {
        const decoded = codec.decode(codec.encode(frame))
        expect(decoded).toEqual(JSON.parse(JSON.stringify(frame)))
      }),
    )
  })

  test('answers garbage with FrameSyntaxError and nothing else', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string()), (message) => {
        const error = fault(codec, message)
        if (error !== undefined) expect(error).toBeInstanceOf(FrameSyntaxError)
      }),
      { numRuns: 1000 },
    )
  })

  test('answers a frame with damaged, missing or added bytes with FrameSyntaxError or an object', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.nat(255), fc.nat(3), (frame, place, value, added) => {
        const encoded = codec.encode(frame)
        const whole = typeof encoded === 'string' ? new TextEncoder().encode(encoded) : Uint8Array.from(encoded)
        whole[place % whole.length] = value
        for (const damaged of [
          whole,
          whole.subarray(0, place % whole.length),
          bytes([...whole], Array(added).fill(value)),
        ]) {
          const error = fault(codec, damaged)
          if (error !== undefined) expect(error).toBeInstanceOf(FrameSyntaxError)
          else expect(Object.getPrototypeOf(codec.decode(damaged))).toBe(Object.prototype)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test.each([[1], 'text', null, 5, true])('refuses %j, which is no object', (value) => {
    const message = codec.format === 'json' ? JSON.stringify(value) : new Packr({ useRecords: false }).pack(value)
    expect(fault(codec, message)).toBeInstanceOf(FrameSyntaxError)
  })

  test('reads 64 levels and refuses 65, and very many', () => {
    const encode = (value: unknown) =>
      codec.format === 'json' ? JSON.stringify(value) : new Packr({ useRecords: false }).pack(value)
    expect(codec.decode(encode({ data: nested(63) }))).toEqual({ data: nested(63) })
    expect(fault(codec, encode({ data: nested(64) }))).toBeInstanceOf(FrameSyntaxError)
    const abyss =
      codec.format === 'json'
        ? `{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}`
        : bytes([0x81, 0xa1, 0x61], Array(1e5).fill(0x91), [1])
    expect(fault(codec, abyss)).toBeInstanceOf(FrameSyntaxError)
  })

  test('is not led astray by a key __proto__', () => {
    const text =
      '{"__proto__":{"admin":true},"data":{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}}'
    const message = codec.format === 'json' ? text : packText(text)
    const decoded = codec.decode(message)
    expect((decoded as { admin?: unknown }).admin).toBeUndefined()
    expect((decoded.data as { admin?: unknown }).admin).toBeUndefined()
    expect(({} as { admin?: unknown }).admin).toBeUndefined()
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
  })
})

/** One of Node's own, with one element: Jest's globals are of a realm where msgpackr knows no view but Uint8Array. */
function view(name: string): unknown {
  return runInThisContext(`new ${name}(1)`)
}

/** JSON text of objects and true as MessagePack, written by hand: no library writes these keys. */
function packText(text: string): Uint8Array {
  const pack = (value: object | boolean): number[] =>
    value === true
      ? [0xc3]
      : [
          0x80 | Object.keys(value).length,
          ...Object.entries(value).flatMap(([key, item]) => [...packKey(key), ...pack(item)]),
        ]
  const packKey = (key: string) => [0xa0 | key.length, ...new TextEncoder().encode(key)]
  return bytes(pack(JSON.parse(text)))
}

describe('the msgpack codec', () => {
  const key = [0x81, 0xa1, 0x61]
  test.each([
    ['a timestamp', bytes(key, 0xd6, 0xff, [0, 0, 0, 0])],
    ['an extension of any type', bytes(key, 0xc7, 1, 5, 0)],
    ['a record of msgpackr', bytes(key, 0xd4, 0x72, 0x40, 0x91, 0xa1, 0x62, 1)],
    ['an undefined of msgpackr', bytes(key, 0xd4, 0, 0)],
    ['the byte that is never used', bytes(key, 0xc1)],
    ['a number as key', bytes(0x81, 1, 1)],
    ['a map as key', bytes(0x81, 0x80, 1)],
    ['bytes as key', bytes(0x81, 0xc4, 1, 0x61, 1)],
    ['bytes after the end', bytes(key, 1, 0)],
    ['a text message', '{}'],
    ['nothing', bytes()],
    ['an array that claims four thousand million items', bytes(key, 0xdd, [255, 255, 255, 255])],
    ['bytes that claim to be longer than the message', bytes(key, 0xc6, [255, 255, 255, 255])],
  ])('refuses %s', (_, message) => {
    expect(fault(msgpackCodec, message)).toBeInstanceOf(FrameSyntaxError)
  })

  test('keeps bytes as bytes, as a copy', () => {
    const message = Uint8Array.from(msgpackCodec.encode({ data: new Uint8Array([1, 2, 3]) }) as Uint8Array)
    const { data } = msgpackCodec.decode(message)
    message.fill(0)
    expect(Array.from(data as Uint8Array)).toEqual([1, 2, 3])
  })

  test.each<[string, unknown]>([
    ['floats', view('Float32Array')],
    ['a DataView', new DataView(new ArrayBuffer(2))],
    ['integers within an array', [1, view('Uint16Array')]],
    ['integers within a map', new Map([['a', view('Int16Array')]])],
    ['integers within a set', new Set([view('Int32Array')])],
    [
      'what an object gives as its JSON form',
      new (class {
        toJSON = () => view('Float64Array')
      })(),
    ],
    ['the cause of an error', new Error('no', { cause: view('Uint32Array') })],
  ])('refuses to write %s, for msgpackr would fill the place with what the memory held before', (_, data) => {
    expect(() => msgpackCodec.encode({ data })).toThrow(FrameSyntaxError)
  })

  test('writes bytes anywhere, and long ones', () => {
    for (const size of [3, 300, 70_000]) {
      const data = { deep: [new Uint8Array(size).fill(7)], text: 'x'.repeat(size) }
      expect(msgpackCodec.decode(msgpackCodec.encode({ data }))).toEqual({ data })
    }
  })

  test('leaves undefined members out, as JSON does', () => {
    expect(msgpackCodec.decode(msgpackCodec.encode({ a: undefined, b: 1 }))).toStrictEqual({ b: 1 })
  })

  test('reads integers of 64 bits as numbers', () => {
    expect(msgpackCodec.decode(bytes(key, 0xcf, [0, 0x1f], Array(6).fill(255)))).toEqual({ a: Number.MAX_SAFE_INTEGER })
    expect(msgpackCodec.decode(bytes(key, 0xd3, Array(8).fill(255)))).toEqual({ a: -1 })
    expect(msgpackCodec.decode(bytes(key, 0xcf, Array(8).fill(255)))).toEqual({ a: 2 ** 64 })
  })

  test('refuses to write what it would not read', () => {
    expect(() => msgpackCodec.encode({ data: new Date(0) })).toThrow(FrameSyntaxError)
    expect(() => msgpackCodec.encode({ data: new Map([[1, 2]]) })).toThrow(FrameSyntaxError)
  })
})

describe('the json codec', () => {
  test('reads bytes as strict UTF-8 without a byte order mark', () => {
    expect(jsonCodec.decode(new TextEncoder().encode('{"a":"é"}'))).toEqual({ a: 'é' })
    expect(fault(jsonCodec, bytes(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d))).toBeInstanceOf(FrameSyntaxError)
    expect(fault(jsonCodec, bytes(0xef, 0xbb, 0xbf, 0x7b, 0x7d))).toBeInstanceOf(FrameSyntaxError)
  })
})

describe('the raw text of a member', () => {
  // Node 24's own JSON.parse, here the judge, gives an escaped key the name of an earlier object's key that has a backslash.
  const anyName = fc.oneof(fc.constantFrom('data', 'a', '"', '__proto__', ''), fc.string())
  const names = anyName.filter((name) => !name.includes('\\'))
  const spaces = fc.stringMatching(/^[ \t\r\n]{0,2}$/)
  const escapedKey = (name: string, isEscaped: boolean) =>
    isEscaped
      ? `"${[...Array(name.length).keys()].map((at) => `\\u${name.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(name)
  const member = fc
    .tuple(names, fc.boolean(), fc.jsonValue(), spaces, fc.constantFrom(undefined, 2))
    .map(([name, isEscaped, value, space, indent]) => ({
      name,
      text: `${space}${escapedKey(name, isEscaped)}${space}:${space}${JSON.stringify(value, undefined, indent)}${space}`,
    }))

  test('means what JSON.parse finds there, for any text, duplicates and escaped keys included', () => {
    fc.assert(
      fc.property(fc.array(member, { maxLength: 6 }), names, spaces, (members, other, space) => {
        const inner = members.length === 0 ? space : members.map(({ text }) => text).join(',')
        const text = `${space}{${inner}}${space}`
        const parsed = new Map(Object.entries(JSON.parse(text) as object))
        for (const name of [other, ...members.map(({ name }) => name)]) {
          const raw = rawMember(text, name)
          expect(raw === undefined ? undefined : JSON.parse(raw)).toEqual(parsed.get(name))
          expect(raw?.trim()).toBe(raw)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('is the very text, and of the top level only', () => {
    const text = '{"type":"publish","inner":{"data":1},"s":"\\"data\\":2","data": {"n":1.00, "t":"}\\\\"} ,"z":[]}'
    expect(rawMember(text, 'data')).toBe('{"n":1.00, "t":"}\\\\"}')
    expect(rawMember(text, 'nothing')).toBeUndefined()
    expect(rawMember('{"data":1.0e2}', 'data')).toBe('1.0e2')
  })
})

describe('the raw items of an array', () => {
  test('are the texts of its items, as they were written', () => {
    const spaces = fc.stringMatching(/^[ \t\r\n]{0,2}$/)
    const items = fc.array(fc.tuple(spaces, fc.jsonValue({ maxDepth: 3 }), spaces), { maxLength: 8 })
    fc.assert(
      fc.property(items, (values) => {
        const texts = values.map(([, value]) => JSON.stringify(value, null, 1))
        const text = `[${values.map(([before, , after], i) => `${before}${texts[i]}${after}`).join(',')}]`
        expect(rawItems(text)).toEqual(texts)
      }),
    )
    expect(rawItems(' [ ] ')).toEqual([])
  })
})
