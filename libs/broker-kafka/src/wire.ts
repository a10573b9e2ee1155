/** Kafka's primitive types, as the protocol guide writes them. Offsets are numbers: 2^53 records of one partition is beyond any disk. */

const initialBytes = 256

/** Writes a request body. Grows as needed. */
export class WireWriter {
  #buffer = Buffer.allocUnsafe(initialBytes)
  #length = 0

  int8(value: number): this {
    this.#length = this.#room(1).writeInt8(value, this.#length)
    return this
  }

  int16(value: number): this {
    this.#length = this.#room(2).writeInt16BE(value, this.#length)
    return this
  }

  int32(value: number): this {
    this.#length = this.#room(4).writeInt32BE(value, this.#length)
    return this
  }

  int64(value: number): this {
    this.#length = this.#room(8).writeBigInt64BE(BigInt(value), this.#length)
    return this
  }

  uvarint(value: number): this {
    const buffer = this.#room(5)
    let rest = value
    while (rest > 0x7f) {
      buffer[this.#length++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[this.#length++] = rest
    return this
  }

  raw(bytes: Uint8Array): this {
    this.#room(bytes.length).set(bytes, this.#length)
    this.#length += bytes.length
    return this
  }

  /** STRING, the classic form. */
  string(value: string): this {
    const bytes = Buffer.from(value)
    return this.int16(bytes.length).raw(bytes)
  }

  nullString(): this {
    return this.int16(-1)
  }

  compactString(value: string): this {
    const bytes = Buffer.from(value)
    return this.uvarint(bytes.length + 1).raw(bytes)
  }

  compactNull(): this {
    return this.uvarint(0)
  }

  /** The length of a compact array; its items follow. */
  compactArray(length: number): this {
    return this.uvarint(length + 1)
  }

  /** An empty section of tagged fields. */
  noTags(): this {
    return this.uvarint(0)
  }

  done(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  #room(bytes: number): Buffer {
    const needed = this.#length + bytes
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    return this.#buffer
  }
}

/** Reads a response body. Byte strings are slices of the buffer, not copies. @throws RangeError where the buffer ends too early. */
export class WireReader {
  readonly buffer: Buffer
  position = 0

  constructor(buffer: Buffer) {
    this.buffer = buffer
  }

  int8(): number {
    const value = this.buffer.readInt8(this.position)
    this.position += 1
    return value
  }

  int16(): number {
    const value = this.buffer.readInt16BE(this.position)
    this.position += 2
    return value
  }

  int32(): number {
    const value = this.buffer.readInt32BE(this.position)
    this.position += 4
    return value
  }

  int64(): number {
    const value = readInt64(this.buffer, this.position)
    this.position += 8
    return value
  }

  uvarint(): number {
    let value = 0
    let factor = 1
    for (;;) {
      const byte = this.buffer.readUInt8(this.position++)
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
      factor *= 128
    }
  }

  uuid(): string {
    return this.#take(16).toString('base64url')
  }

  string(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#take(length).toString()
  }

  compactString(): string | null {
    const length = this.uvarint() - 1
    return length < 0 ? null : this.#take(length).toString()
  }

  compactBytes(): Buffer | null {
    const length = this.uvarint() - 1
    return length < 0 ? null : this.#take(length)
  }

  array<T>(item: () => T): T[] {
    return this.#items(this.int32(), item)
  }

  compactArray<T>(item: () => T): T[] {
    return this.#items(this.uvarint() - 1, item)
  }

  /** Reads a section of tagged fields, handing those that somebody wants to `field`. */
  tags(field?: (tag: number, reader: WireReader) => void): void {
    for (let count = this.uvarint(); count > 0; count--) {
      const tag = this.uvarint()
      const bytes = this.#take(this.uvarint())
      field?.(tag, new WireReader(bytes))
    }
  }

  #take(length: number): Buffer {
    const end = this.position + length
    if (end > this.buffer.length) throw new RangeError('a Kafka response ends in the middle of a field')
    const bytes = this.buffer.subarray(this.position, end)
    this.position = end
    return bytes
  }

  #items<T>(length: number, item: () => T): T[] {
    const items: T[] = []
    for (let i = 0; i < length; i++) items.push(item())
    return items
  }
}

/** A signed 64-bit integer that is known to fit a double's 53 bits. */
export function readInt64(buffer: Buffer, position: number): number {
  return buffer.readInt32BE(position) * 4_294_967_296 + buffer.readUInt32BE(position + 4)
}
