/** Builds the smallest ELF file that has what the retargeting reads: dynamic symbols, their versions, and the versions needed of one library. */
export interface TinyElf {
  readonly machine: number
  readonly library: string
  readonly versions: readonly string[]
  readonly symbols: readonly { readonly name: string; readonly version: string }[]
}

const HEADER_BYTES = 64

export function tinyElf({ machine, library, versions, symbols }: TinyElf): Buffer {
  const strings = stringTable([library, ...versions, ...symbols.map(({ name }) => name)])
  const dynsym = Buffer.alloc(24 * (symbols.length + 1))
  const versym = Buffer.alloc(2 * (symbols.length + 1))
  symbols.forEach(({ name, version }, i) => {
    dynsym.writeUInt32LE(strings.at(name), 24 * (i + 1))
    versym.writeUInt16LE(versions.indexOf(version) + 2, 2 * (i + 1))
  })
  const verneed = versionNeeds(library, versions, strings)
  return assemble(machine, [
    { type: 0, link: 0, body: Buffer.alloc(0) },
    { type: 3, link: 0, body: strings.bytes },
    { type: 11, link: 1, body: dynsym },
    { type: 0x6fffffff, link: 2, body: versym },
    { type: 0x6ffffffe, link: 1, body: verneed },
  ])
}

/** What a symbol table says now: `name@version` for each symbol. */
export function symbolsOf(elf: Uint8Array): readonly string[] {
  const image = Buffer.from(elf)
  const sectionAt = (i: number) => Number(image.readBigUInt64LE(Number(image.readBigUInt64LE(0x28)) + i * 64 + 0x18))
  const sizeOf = (i: number) => Number(image.readBigUInt64LE(Number(image.readBigUInt64LE(0x28)) + i * 64 + 0x20))
  const text = (at: number) => image.toString('latin1', sectionAt(1) + at, image.indexOf(0, sectionAt(1) + at))
  const names = new Map<number, string>()
  for (let at = sectionAt(4) + 16; at < sectionAt(4) + sizeOf(4); at += 16) {
    names.set(image.readUInt16LE(at + 6), `${text(image.readUInt32LE(at + 8))}#${image.readUInt32LE(at)}`)
  }
  return Array.from({ length: sizeOf(2) / 24 - 1 }, (_, i) => {
    const name = text(image.readUInt32LE(sectionAt(2) + 24 * (i + 1)))
    return `${name}@${names.get(image.readUInt16LE(sectionAt(3) + 2 * (i + 1)))}`
  })
}

/** A stand-in for the ELF hash of a version's name: equal for equal names. */
export function versionHash(version: string): number {
  return Buffer.from(version).reduce((hash, byte) => (hash * 31 + byte) >>> 0, 7)
}

function stringTable(entries: readonly string[]) {
  const bytes = Buffer.from(`\0${entries.join('\0')}\0`, 'latin1')
  return { bytes, at: (entry: string) => bytes.indexOf(`\0${entry}\0`, 0, 'latin1') + 1 }
}

function versionNeeds(library: string, versions: readonly string[], strings: ReturnType<typeof stringTable>): Buffer {
  const block = Buffer.alloc(16 + 16 * versions.length)
  block.writeUInt16LE(1, 0)
  block.writeUInt16LE(versions.length, 2)
  block.writeUInt32LE(strings.at(library), 4)
  block.writeUInt32LE(16, 8)
  versions.forEach((version, i) => {
    const at = 16 + 16 * i
    block.writeUInt32LE(versionHash(version), at)
    block.writeUInt16LE(i + 2, at + 6)
    block.writeUInt32LE(strings.at(version), at + 8)
    block.writeUInt32LE(i + 1 < versions.length ? 16 : 0, at + 12)
  })
  return block
}

interface Part {
  readonly type: number
  readonly link: number
  readonly body: Buffer
}

function assemble(machine: number, parts: readonly Part[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  const bodyBytes = parts.reduce((sum, { body }) => sum + body.length, 0)
  header.writeUInt32BE(0x7f454c46, 0)
  header.writeUInt8(2, 4)
  header.writeUInt8(1, 5)
  header.writeUInt16LE(machine, 18)
  header.writeBigUInt64LE(BigInt(HEADER_BYTES + bodyBytes), 0x28)
  header.writeUInt16LE(64, 0x3a)
  header.writeUInt16LE(parts.length, 0x3c)
  let offset = HEADER_BYTES
  const table = parts.map(({ type, link, body }) => {
    const entry = Buffer.alloc(64)
    entry.writeUInt32LE(type, 4)
    entry.writeBigUInt64LE(BigInt(offset), 0x18)
    entry.writeBigUInt64LE(BigInt(body.length), 0x20)
    entry.writeUInt32LE(link, 0x28)
    offset += body.length
    return entry
  })
  return Buffer.concat([header, ...parts.map(({ body }) => body), ...table])
}
