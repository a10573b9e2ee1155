/**
 * Reads record batches of format 2 (KIP-98) out of a fetch response: what the records of one partition are, without those of aborted
 * transactions, without control records, and from which offset to go on. Values are slices of the response, or of the decompressed
 * batch. A batch cut off at the end is left for the next fetch. Checksums are not checked: the broker does so when a batch is written.
 */
import type { BrokerRecord, RecordHeaders } from '@roomway/broker'
import { decompress } from './compression.js'
import type { AbortedTransaction } from './fetch-request.js'
import { InternedText } from './interned-text.js'
import { readInt64 } from './wire.js'

const batchHeaderBytes = 61
const lengthEnd = 12
const compressionMask = 0x07
const logAppendTimeBit = 0x08
const transactionalBit = 0x10
const controlBit = 0x20
const abortMarker = 0

/** What tells a batch from any other that could stand in its place. */
export interface BatchMark {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly crc: number
  readonly leaderEpoch: number
}

export interface DecodedRecords {
  readonly records: BrokerRecord[]
  /** Every record below it has been seen. */
  readonly nextOffset: number
  readonly firstBatch: BatchMark | undefined
  readonly lastBatch: BatchMark | undefined
}

/** Told of a batch that cannot be read (an unknown codec or format, corrupt bytes); it is passed over. */
export type OnFault = (baseOffset: number, lastOffset: number, error: Error) => void

const noHeaders: RecordHeaders = Object.freeze({})
const keys = new InternedText(4096)
const headerNames = new InternedText(256, (name) => name.toLowerCase())
const headerValues = new InternedText(1024)

/** The mark of the batch at `position`, or undefined where no whole batch follows. */
function markAt(bytes: Buffer, position: number): BatchMark | undefined {
  if (position + batchHeaderBytes > bytes.length) return undefined
  if (position + lengthEnd + bytes.readInt32BE(position + 8) > bytes.length) return undefined
  const baseOffset = readInt64(bytes, position)
  const lastOffset = bytes[position + 16] === 2 ? baseOffset + bytes.readInt32BE(position + 23) : baseOffset
  return {
    baseOffset,
    lastOffset,
    crc: bytes.readUInt32BE(position + 17),
    leaderEpoch: bytes.readInt32BE(position + 12),
  }
}

/** The records of one answer that are at or above `from`. */
export function decodeRecords(
  partition: number,
  bytes: Buffer,
  from: number,
  aborted: readonly AbortedTransaction[],
  onFault: OnFault,
): DecodedRecords {
  return new RecordDecoder(partition, bytes, aborted, onFault).decode(from)
}

/** Decodes an answer, all of it or piece by piece. */
export class RecordDecoder {
  readonly #partition: number
  readonly #bytes: Buffer
  readonly #filter: AbortedFilter
  readonly #onFault: OnFault
  #position = 0
  #next: BatchMark | undefined

  constructor(partition: number, bytes: Buffer, aborted: readonly AbortedTransaction[], onFault: OnFault) {
    this.#partition = partition
    this.#bytes = bytes
    this.#filter = new AbortedFilter(aborted)
    this.#onFault = onFault
    this.#next = markAt(bytes, 0)
  }

  /** No whole batch is left. */
  get isDone(): boolean {
    return this.#next === undefined
  }

  /** The records at or above `from` of the next batches: those that begin in the next `maxBytes`, one at least. */
  decode(from: number, maxBytes = Number.POSITIVE_INFINITY): DecodedRecords {
    const records: BrokerRecord[] = []
    const firstBatch = this.#next
    const endsAt = this.#position + maxBytes
    let lastBatch: BatchMark | undefined
    let nextOffset = from
    for (let mark = this.#next; mark !== undefined && this.#position < endsAt; mark = this.#next) {
      this.#decodeNext(mark, from, records)
      lastBatch = mark
      nextOffset = Math.max(nextOffset, mark.lastOffset + 1)
    }
    return { records, nextOffset, firstBatch, lastBatch }
  }

  #decodeNext(mark: BatchMark, from: number, into: BrokerRecord[]): void {
    const bytes = this.#bytes
    const position = this.#position
    const end = position + lengthEnd + bytes.readInt32BE(position + 8)
    try {
      if (this.#filter.shows(bytes, position, mark.lastOffset))
        decodeBatch(this.#partition, bytes, position, end, from, into)
    } catch (error) {
      this.#onFault(mark.baseOffset, mark.lastOffset, error as Error)
    }
    this.#position = end
    this.#next = markAt(bytes, end)
  }
}

/** Which batches are to be shown, by the rules of KIP-98: batches are asked about in offset order. */
class AbortedFilter {
  readonly #upcoming: AbortedTransaction[]
  readonly #open = new Set<number>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#upcoming = aborted.length === 0 ? [] : [...aborted].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  shows(bytes: Buffer, position: number, lastOffset: number): boolean {
    const attributes = bytes[position + 22]!
    while (this.#upcoming.length > 0 && this.#upcoming[0]!.firstOffset <= lastOffset) {
      this.#open.add(this.#upcoming.shift()!.producerId)
    }
    if ((attributes & controlBit) !== 0) {
      this.#close(bytes, position)
      return false
    }
    return (attributes & transactionalBit) === 0 || !this.#open.has(readInt64(bytes, position + 43))
  }

  #close(bytes: Buffer, position: number): void {
    const reader = new RecordReader(bytes, position + batchHeaderBytes)
    reader.skipToKey()
    if (bytes.readInt16BE(reader.position + 2) === abortMarker) this.#open.delete(readInt64(bytes, position + 43))
  }
}

function decodeBatch(
  partition: number,
  bytes: Buffer,
  position: number,
  end: number,
  from: number,
  into: BrokerRecord[],
): void {
  if (bytes[position + 16] !== 2) throw new Error(`record format ${bytes[position + 16]} is from before Kafka 0.11`)
  const attributes = bytes[position + 22]!
  const codec = attributes & compressionMask
  const body = bytes.subarray(position + batchHeaderBytes, end)
  const reader = codec === 0 ? new RecordReader(body, 0) : new RecordReader(decompress(codec, body), 0)
  const baseOffset = readInt64(bytes, position)
  const fixedTime = (attributes & logAppendTimeBit) !== 0
  const baseTimeMs = readInt64(bytes, position + (fixedTime ? 35 : 27))
  const count = bytes.readInt32BE(position + 57)
  const before = into.length
  try {
    for (let i = 0; i < count; i++) reader.read(partition, baseOffset, baseTimeMs, fixedTime, from, into)
  } catch (error) {
    into.length = before
    throw error
  }
}

class RecordReader {
  position: number
  readonly #bytes: Buffer

  constructor(bytes: Buffer, position: number) {
    this.#bytes = bytes
    this.position = position
  }

  read(
    partition: number,
    baseOffset: number,
    baseTimeMs: number,
    fixedTime: boolean,
    from: number,
    into: BrokerRecord[],
  ): void {
    const end = this.#varint() + this.position
    if (end > this.#bytes.length) throw new RangeError('a record is longer than its batch')
    this.position++
    const timeDelta = this.#varint()
    const offset = baseOffset + this.#varint()
    if (offset >= from) {
      const key = this.#key()
      const value = this.#value()
      const headers = this.#headers()
      into.push({ partition, offset, key, headers, value, timeMs: fixedTime ? baseTimeMs : baseTimeMs + timeDelta })
    }
    this.position = end
  }

  /** From the start of a record to the first byte of its key. */
  skipToKey(): void {
    this.#varint()
    this.position++
    this.#varint()
    this.#varint()
    this.#varint()
  }

  #key(): string | undefined {
    const length = this.#varint()
    if (length < 0) return undefined
    const start = this.#advance(length)
    return keys.get(this.#bytes, start, this.position)
  }

  #value(): Buffer {
    const start = this.#advance(Math.max(0, this.#varint()))
    return this.#bytes.subarray(start, this.position)
  }

  #headers(): RecordHeaders {
    const count = this.#varint()
    if (count <= 0) return noHeaders
    const headers: Record<string, string> = {}
    for (let i = 0; i < count; i++) {
      const nameStart = this.#advance(this.#varint())
      const name = headerNames.get(this.#bytes, nameStart, this.position)
      const length = this.#varint()
      if (length < 0) continue
      const start = this.#advance(length)
      if (name !== '__proto__') headers[name] = headerValues.get(this.#bytes, start, this.position)
    }
    return headers
  }

  #advance(length: number): number {
    const start = this.position
    this.position += length
    if (length < 0 || this.position > this.#bytes.length) throw new RangeError('a field is longer than its batch')
    return start
  }

  /** A zigzag varint of up to 64 bits; one and two bytes, the usual ones, without a loop. */
  #varint(): number {
    const bytes = this.#bytes
    const first = bytes[this.position++]!
    if (first < 0x80) return (first >>> 1) ^ -(first & 1)
    const second = bytes[this.position++]!
    if (second < 0x80) {
      const value = (first & 0x7f) | (second << 7)
      return (value >>> 1) ^ -(value & 1)
    }
    return this.#longVarint((first & 0x7f) | ((second & 0x7f) << 7))
  }

  #longVarint(low: number): number {
    let value = low
    for (let factor = 16_384; ; factor *= 128) {
      const byte = this.#bytes[this.position++]
      if (byte === undefined) throw new RangeError('a number is longer than its batch')
      value += (byte & 0x7f) * factor
      if (byte < 0x80) break
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}
