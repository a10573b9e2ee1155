import { describe, expect, test } from '@jest/globals'
import { isJsonContentType, payloadFault } from '@roomway/records'

const bytes = (text: string) => new TextEncoder().encode(text)

describe('a payload', () => {
  test.each(['{"a":1}', '1', 'null', '"ü"', ' [1 , 2]\n'])('%j is JSON', (text) => {
    expect(payloadFault(bytes(text), true)).toBeUndefined()
  })

  test.each(['', '{', '{"a":1}x', "{'a':1}", 'NaN', '\ufeff{}', '[1,]'])('%j is bad JSON', (text) => {
    expect(payloadFault(bytes(text), true)).toBe('bad_json')
  })

  test.each([
    ['a stray continuation byte', [0x22, 0x80, 0x22]],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
    ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['a character cut short', [0x22, 0xe2, 0x82, 0x22]],
  ])('with %s is bad UTF-8', (_, octets) => {
    expect(payloadFault(Uint8Array.from(octets), true)).toBe('bad_utf8')
  })

  test('may nest as deep as a frame lets it, and no deeper', () => {
    const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}"[[{{\\"["${'}]'.repeat(depth / 2)}`
    expect(payloadFault(bytes(`[${nested(62)}]`), true)).toBeUndefined()
    expect(payloadFault(bytes(nested(64)), true)).toBe('bad_json')
    expect(payloadFault(bytes(`[${'[[]],'.repeat(100)}"]]"]`), true)).toBeUndefined()
  })

  test('of another content type is opaque', () => {
    expect(payloadFault(Uint8Array.from([0xff, 0xfe]), false)).toBeUndefined()
  })
})

test.each([
  ['application/json', true],
  ['Application/JSON; charset=utf-8', true],
  ['application/cloudevents+json', true],
  ['application/vnd.api+json;v=1', true],
  ['text/plain', false],
  ['application/octet-stream', false],
  ['application/jsonl', false],
])('content type %s is JSON: %s', (contentType, expected) => {
  expect(isJsonContentType(contentType)).toBe(expected)
})
