import { gzipSync } from 'node:zlib'
import { describe, expect, test } from '@jest/globals'
import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import fc from 'fast-check'
import { crc32c } from '../src/crc32c.js'
import { decodeRecords, RecordDecoder } from '../src/record-batch-decoder.js'
import { boundOn, RecordBatchEncoder } from '../src/record-batch-encoder.js'

const producer = { id: 4_294_967_297, epoch: 3 }
const noFault = (): never => {
  throw new Error('there should be no fault')
}

const text = fc.string({ unit: 'binary', maxLength: 100 }).filter((value) => value.isWellFormed())
const records: fc.Arbitrary<AppendRecord[]> = fc.array(
  fc.record({
    partition: fc.constant(7),
    key: text,
    headers: fc.dictionary(fc.stringMatching(/^[a-z][a-z-]{0,20}$/), text, { noNullPrototype: true }),
    value: fc.uint8Array({ maxLength: 20_000 }),
  }),
  { minLength: 1, maxLength: 50 },
)

function encode(appended: readonly AppendRecord[], nowMs = 1_790_000_000_000): Buffer {
  const encoder = new RecordBatchEncoder(nowMs)
  for (const [i, record] of appended.entries()) encoder.add(record, boundOn(record), nowMs + i * 1000)
  return encoder.finish(producer, 12)
}

/** As the broker stores it. */
function stored(bytes: Buffer, baseOffset: number): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeBigInt64BE(BigInt(baseOffset), 0)
  return copy
}

function plain(record: Omit<BrokerRecord, 'offset' | 'timeMs'>): unknown {
  return { ...record, headers: { ...record.headers }, value: Buffer.from(record.value).toString('hex') }
}

describe('A record batch', () => {
  test('is read as it was written, whatever the records hold', () => {
    fc.assert(
      fc.property(records, fc.nat(2 ** 40), (appended, baseOffset) => {
        const decoded = decodeRecords(7, stored(encode(appended), baseOffset), baseOffset, [], noFault)
        expect(decoded.nextOffset).toBe(baseOffset + appended.length)
        expect(decoded.records.map(({ offset: _o, timeMs: _t, ...rest }) => plain(rest))).toEqual(appended.map(plain))
        expect(decoded.records.map(({ offset }) => offset - baseOffset)).toEqual(appended.map((_, i) => i))
        expect(decoded.records.map(({ timeMs }) => timeMs)).toEqual(
          appended.map((_, i) => 1_790_000_000_000 + i * 1000),
        )
      }),
      { numRuns: 200 },
    )
  })

  test('never takes more than the bound that was told', () => {
    fc.assert(
      fc.property(records, (appended) => {
        expect(encode(appended).length).toBeLessThanOrEqual(
          61 + appended.map(boundOn).reduce((sum, each) => sum + each, 0),
        )
      }),
    )
  })

  test('carries the CRC-32C of what follows it', () => {
    expect(crc32c(Buffer.from('123456789'), 0, 9)).toBe(0xe3069283)
    const bytes = encode([{ partition: 0, key: 'k', headers: {}, value: Buffer.from('v') }])
    expect(bytes.readUInt32BE(17)).toBe(crc32c(bytes, 21, bytes.length))
  })
})

describe('A fetched stretch', () => {
  const batchOf = (baseOffset: number, values: readonly string[]): Buffer =>
    stored(
      encode(values.map((value) => ({ partition: 0, key: 'k', headers: {}, value: Buffer.from(value) }))),
      baseOffset,
    )
  const textsOf = (decoded: { records: BrokerRecord[] }): string[] =>
    decoded.records.map(({ value }) => Buffer.from(value).toString())

  test('begins in the middle of a batch, and ends before one that is cut off', () => {
    const cut = batchOf(20, ['x'])
    const bytes = Buffer.concat([batchOf(10, ['a', 'b', 'c']), cut.subarray(0, cut.length - 1)])
    const decoded = decodeRecords(0, bytes, 11, [], noFault)
    expect(textsOf(decoded)).toEqual(['b', 'c'])
    expect(decoded.nextOffset).toBe(13)
  })

  test.each([
    ['of an unknown codec', (batch: Buffer) => batch.writeInt8(7, 22), /unknown compression codec 7/],
    ['with corrupt compressed records', (batch: Buffer) => batch.writeInt8(2, 22), /corrupt|range|limit/],
    ['with a record longer than itself', (batch: Buffer) => batch.writeInt8(120, 61), /longer than its batch/],
    ['of the format before Kafka 0.11', (batch: Buffer) => batch.writeInt8(1, 16), /before Kafka 0.11/],
  ])('passes over a batch %s, and says so', (_, spoil, message) => {
    const [before, spoilt, after] = [batchOf(0, ['a']), batchOf(1, ['b']), batchOf(2, ['c'])]
    spoil(spoilt)
    const faults: string[] = []
    const decoded = decodeRecords(0, Buffer.concat([before, spoilt, after]), 0, [], (base, last, error) => {
      faults.push(`${base}-${last} ${error.message}`)
    })
    expect(textsOf(decoded)).toEqual(['a', 'c'])
    expect(decoded.nextOffset).toBe(3)
    expect(faults).toEqual([expect.stringMatching(/^1-1 /)])
    expect(faults[0]).toMatch(message)
  })

  test('may hold compressed batches beside others', () => {
    const batch = batchOf(5, ['a', 'b'])
    const body = gzipSync(batch.subarray(61))
    const packed = Buffer.concat([batch.subarray(0, 61), body])
    packed.writeInt32BE(packed.length - 12, 8)
    packed.writeInt8(1, 22)
    expect(textsOf(decodeRecords(0, Buffer.concat([packed, batchOf(7, ['c'])]), 5, [], noFault))).toEqual([
      'a',
      'b',
      'c',
    ])
  })

  test('is the same in pieces, each of which ends with the batch that its bytes end in', () => {
    const batches = Array.from({ length: 20 }, (_, n) => batchOf(n * 2, [`${n}`, `${n}'`]))
    const bytes = Buffer.concat(batches)
    const decoder = new RecordDecoder(0, bytes, [], noFault)
    const pieces: BrokerRecord[][] = []
    let next = 3
    while (!decoder.isDone) {
      const piece = decoder.decode(next, batches[0]!.length * 3 - 1)
      expect(piece.lastBatch?.lastOffset).toBe(piece.nextOffset - 1)
      pieces.push(piece.records)
      next = piece.nextOffset
    }
    expect(pieces.flat()).toEqual(decodeRecords(0, bytes, 3, [], noFault).records)
    expect(pieces.map(({ length }) => length)).toEqual([3, 6, 6, 6, 6, 6, 4])
    expect(next).toBe(40)
  })

  test('knows in a later piece which transactions were aborted in an earlier one', () => {
    const [transactional, control] = [0x10, 0x30]
    const marked = (attributes: number, batch: Buffer): Buffer => {
      batch.writeInt8(attributes, 22)
      return batch
    }
    const abort = encode([{ partition: 0, key: '\0\0\0\0', headers: {}, value: Buffer.alloc(0) }])
    const bytes = Buffer.concat([
      marked(transactional, batchOf(0, ['aborted'])),
      batchOf(1, ['of nobody’s']),
      marked(control, stored(abort, 2)),
      marked(transactional, batchOf(3, ['of the next transaction'])),
    ])
    const decoder = new RecordDecoder(0, bytes, [{ producerId: producer.id, firstOffset: 0 }], noFault)
    const pieces = Array.from({ length: 4 }, (_, next) => textsOf(decoder.decode(next, 1)))
    expect(pieces).toEqual([[], ['of nobody’s'], [], ['of the next transaction']])
    expect(decoder.isDone).toBe(true)
  })
})
