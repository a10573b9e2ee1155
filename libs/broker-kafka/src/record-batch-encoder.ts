/**
 * Builds one record batch of format 2 (KIP-98) while records come in, so that a record is copied once and its sender may reuse its bytes
 * at once. Layout: a header of 61 bytes, then the records; lengths and deltas are zigzag varints.
 */
import type { AppendRecord } from '@roomway/broker'
import { crc32c } from './crc32c.js'
import type { ProducerId } from './produce-request.js'

const headerBytes = 61
const crcStart = 21
/** What the lengths and deltas of a record and of one header take at most. */
const recordOverhead = 40
const headerOverhead = 10
const firstBytes = 2048

export class RecordBatchEncoder {
  count = 0
  #buffer = Buffer.allocUnsafe(firstBytes)
  #length = headerBytes
  readonly #baseTimeMs: number
  #lastTimeMs: number

  constructor(nowMs: number) {
    this.#baseTimeMs = nowMs
    this.#lastTimeMs = nowMs
  }

  get byteLength(): number {
    return this.#length
  }

  /** Adds a record whose size `boundOn` has told. */
  add(record: AppendRecord, bound: number, nowMs: number): void {
    this.#reserve(bound)
    this.#lastTimeMs = Math.max(this.#lastTimeMs, nowMs)
    const { key, value, headers } = record
    const names = Object.keys(headers)
    const start = this.#length
    // The record's own length comes first and is known last: written behind a gap of five bytes, then moved up to its length.
    this.#length += 5
    this.#buffer[this.#length++] = 0
    this.#varint(Math.max(0, nowMs - this.#baseTimeMs))
    this.#varint(this.count)
    this.#text(key)
    this.#varint(value.length)
    this.#buffer.set(value, this.#length)
    this.#length += value.length
    this.#varint(names.length)
    for (const name of names) {
      this.#text(name)
      this.#text(headers[name]!)
    }
    this.#closeGap(start)
    this.count++
  }

  /** The complete batch. The same bytes must be sent on every attempt, so that the broker recognises a repeat. */
  finish(producer: ProducerId, firstSequence: number): Buffer {
    const buffer = this.#buffer
    buffer.fill(0, 0, headerBytes)
    buffer.writeInt32BE(this.#length - 12, 8)
    buffer.writeInt32BE(-1, 12)
    buffer[16] = 2
    buffer.writeInt32BE(this.count - 1, 23)
    buffer.writeBigInt64BE(BigInt(this.#baseTimeMs), 27)
    buffer.writeBigInt64BE(BigInt(this.#lastTimeMs), 35)
    buffer.writeBigInt64BE(BigInt(producer.id), 43)
    buffer.writeInt16BE(producer.epoch, 51)
    buffer.writeInt32BE(firstSequence, 53)
    buffer.writeInt32BE(this.count, 57)
    buffer.writeUInt32BE(crc32c(buffer, crcStart, this.#length), 17)
    return buffer.subarray(0, this.#length)
  }

  #closeGap(start: number): void {
    const body = start + 5
    const length = this.#length - body
    this.#length = start
    this.#varint(length)
    this.#buffer.copyWithin(this.#length, body, body + length)
    this.#length += length
  }

  #text(text: string): void {
    const bytes = Buffer.byteLength(text)
    this.#varint(bytes)
    this.#length += this.#buffer.write(text, this.#length)
  }

  /** Zigzag of a number that is not negative and below 2^30. */
  #varint(value: number): void {
    let rest = value * 2
    while (rest > 0x7f) {
      this.#buffer[this.#length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#buffer[this.#length++] = rest
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** An upper bound on the bytes a record takes in a batch. */
export function boundOn(record: AppendRecord): number {
  let bytes = recordOverhead + record.key.length * 3 + record.value.length
  for (const name in record.headers) bytes += headerOverhead + (name.length + record.headers[name]!.length) * 3
  return bytes
}
