/**
 * How a record stands in LMDB: one byte of format, the time as a 64-bit float, the lengths of key and headers as unsigned 32-bit
 * integers (all big-endian), the key in UTF-8, the headers as JSON (nothing where there are none), then the value as it came.
 */
import type { AppendRecord, BrokerRecord, RecordHeaders } from '@roomway/broker'

const format = 1
const fixedBytes = 17
const noHeaders: RecordHeaders = Object.freeze({})

/** A record copied from its publisher, ready to be stored, whose offset is not known yet. */
export interface EncodedRecord {
  readonly partition: number
  readonly key: string
  readonly headers: RecordHeaders
  readonly timeMs: number
  readonly bytes: Buffer
  /** The part of `bytes` that is the publisher's value. */
  readonly value: Buffer
}

export function encodeRecord(record: AppendRecord, timeMs: number): EncodedRecord {
  const { partition, key, value } = record
  const headers = textOf(record.headers)
  const keyBytes = Buffer.byteLength(key)
  const headerBytes = Buffer.byteLength(headers)
  const valueStart = fixedBytes + keyBytes + headerBytes
  const bytes = Buffer.allocUnsafe(valueStart + value.byteLength)
  bytes[0] = format
  bytes.writeDoubleBE(timeMs, 1)
  bytes.writeUInt32BE(keyBytes, 9)
  bytes.writeUInt32BE(headerBytes, 13)
  bytes.write(key, fixedBytes)
  bytes.write(headers, fixedBytes + keyBytes)
  bytes.set(value, valueStart)
  return { partition, key, headers: headersOf(headers), timeMs, bytes, value: bytes.subarray(valueStart) }
}

/** @throws Error where the bytes are of a format that this version does not know. */
export function decodeRecord(partition: number, offset: number, bytes: Buffer): BrokerRecord {
  if (bytes[0] !== format)
    throw new Error(`Record ${partition}/${offset} has format ${bytes[0]}; this version reads ${format}.`)
  const keyEnd = fixedBytes + bytes.readUInt32BE(9)
  const headersEnd = keyEnd + bytes.readUInt32BE(13)
  return {
    partition,
    offset,
    key: bytes.toString('utf8', fixedBytes, keyEnd),
    headers: headersOf(bytes.toString('utf8', keyEnd, headersEnd)),
    value: bytes.subarray(headersEnd),
    timeMs: bytes.readDoubleBE(1),
  }
}

export function asRead(record: EncodedRecord, offset: number): BrokerRecord {
  const { partition, key, headers, value, timeMs } = record
  return { partition, offset, key, headers, value, timeMs }
}

/** When the stored record was written, in ms since 1970, without decoding the rest. */
export const timeOf = (bytes: Buffer): number => bytes.readDoubleBE(1)

function textOf(headers: RecordHeaders): string {
  for (const _ in headers) return JSON.stringify(headers)
  return ''
}

const headersOf = (text: string): RecordHeaders => (text === '' ? noHeaders : (JSON.parse(text) as RecordHeaders))
