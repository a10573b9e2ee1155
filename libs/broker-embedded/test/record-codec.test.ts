import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { asRead, decodeRecord, encodeRecord, timeOf } from '../src/record-codec.js'

const records = fc.record({
  partition: fc.nat(1000),
  key: fc.string({ unit: 'grapheme' }),
  headers: fc.dictionary(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' })),
  value: fc.uint8Array({ maxLength: 300 }),
})

test('any record comes back as it was, whether from memory or from its bytes', () => {
  fc.assert(
    fc.property(records, fc.nat(), fc.nat(), (record, offset, timeMs) => {
      const encoded = encodeRecord(record, timeMs)
      for (const read of [asRead(encoded, offset), decodeRecord(record.partition, offset, encoded.bytes)]) {
        const { value, ...rest } = read
        const { value: sent, ...sentRest } = record
        expect(Buffer.compare(value, sent)).toBe(0)
        expect({ ...rest, headers: { ...rest.headers } }).toEqual({
          ...sentRest,
          headers: { ...sentRest.headers },
          offset,
          timeMs,
        })
      }
      expect(timeOf(encoded.bytes)).toBe(timeMs)
    }),
  )
})

test('bytes of another format are refused by name', () => {
  const { bytes } = encodeRecord({ partition: 0, key: 'k', headers: {}, value: Buffer.from('v') }, 0)
  bytes[0] = 9
  expect(() => decodeRecord(0, 7, bytes)).toThrow('Record 0/7 has format 9; this version reads 1.')
})
