/**
 * How a binary is retargeted. A dynamic symbol of an ELF file has a name (an offset into a table of strings) and a version
 * (an index into the list of versions that the file needs of each library, `.gnu.version_r`). The C23 twins of glibc 2.38 are
 * called `__isoc23_<plain name>`, and the plain function has been in glibc since its first version for the processor. So
 * moving the name's offset past the prefix names the plain function, and making the entry of the new version a second copy of
 * the entry of that first version asks for nothing that an older glibc lacks. No byte moves, no code changes.
 */

const PREFIX = '__isoc23_'
const LIBC = 'libc.so.6'
const NEW_VERSION = 'GLIBC_2.38'

/** The first glibc version of each processor, by ELF machine number. Every plain function carries it. */
const firstVersions: ReadonlyMap<number, string> = new Map([
  [62, 'GLIBC_2.2.5'], // x86-64
  [183, 'GLIBC_2.17'], // AArch64
])

const SECTION_DYNSYM = 11
const SECTION_VERNEED = 0x6ffffffe
const SECTION_VERSYM = 0x6fffffff
const SYMBOL_BYTES = 24

/** The file is not one that can be retargeted; the message says why. */
export class ElfError extends Error {
  override readonly name = 'ElfError'
}

interface Section {
  readonly type: number
  readonly offset: number
  readonly size: number
  readonly link: number
}

interface Image {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly sections: readonly Section[]
}

/** A version that a library is needed at: where its entry lies, and the index by which symbols refer to it. */
interface NeededVersion {
  readonly name: string
  readonly entry: number
  readonly index: number
}

export interface Retargeted {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The plain names that the symbols now have. */
  readonly symbols: readonly string[]
}

/**
 * Gives a copy of an ELF shared object (64-bit, little-endian, x64 or arm64) in which what needed `GLIBC_2.38` for the
 * `__isoc23_` twins needs the plain functions instead. @throws ElfError where the file is none of that, is cut short, or
 * needs another symbol of that version.
 */
export function retarget(original: Uint8Array): Retargeted {
  const bytes = new Uint8Array(original)
  try {
    return { bytes, symbols: retargetInPlace(bytes) }
  } catch (error) {
    if (error instanceof ElfError) throw error
    throw new ElfError('the file is cut short or damaged: a table reaches past its end', { cause: error })
  }
}

function retargetInPlace(bytes: Uint8Array): readonly string[] {
  const image = openImage(bytes)
  const first = firstVersions.get(image.view.getUint16(18, true))
  if (first === undefined) throw new ElfError('the file is for a processor other than x64 and arm64')
  const needed = neededVersions(image, LIBC)
  const target = needed.find(({ name }) => name === NEW_VERSION)
  const base = needed.find(({ name }) => name === first)
  if (target === undefined) throw new ElfError(`the file does not need ${NEW_VERSION} of ${LIBC}`)
  if (base === undefined) throw new ElfError(`the file has no entry for ${first} of ${LIBC} to take over`)
  const symbols = renameSymbols(image, target)
  copyVersion(image.view, base.entry, target.entry)
  return symbols
}

function openImage(bytes: Uint8Array): Image {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0) !== 0x7f454c46) throw new ElfError('the file is not an ELF file')
  if (bytes[4] !== 2 || bytes[5] !== 1) throw new ElfError('the file is not a 64-bit little-endian ELF file')
  const table = offset(view, 0x28)
  const entryBytes = view.getUint16(0x3a, true)
  const count = view.getUint16(0x3c, true)
  assertWithin(view, table, count * entryBytes)
  const sections = Array.from({ length: count }, (_, i) => section(view, table + i * entryBytes))
  return { bytes, view, sections }
}

function section(view: DataView, at: number): Section {
  return {
    type: view.getUint32(at + 4, true),
    offset: offset(view, at + 0x18),
    size: offset(view, at + 0x20),
    link: view.getUint32(at + 0x28, true),
  }
}

function sectionOfType(image: Image, type: number, name: string): Section {
  const found = image.sections.find((candidate) => candidate.type === type)
  if (found === undefined) throw new ElfError(`the file has no ${name} section`)
  assertWithin(image.view, found.offset, found.size)
  return found
}

function assertWithin(view: DataView, start: number, size: number): void {
  if (start + size > view.byteLength) throw new ElfError('the file is cut short: a table reaches past its end')
}

/** Moves the name of every symbol of that version past the prefix. All of them, or none: one without a twin refuses the file. */
function renameSymbols(image: Image, version: NeededVersion): readonly string[] {
  const symbols = symbolsOfVersion(image, version.index)
  const foreign = symbols.filter(({ name, defined }) => defined || !name.startsWith(PREFIX))
  if (foreign.length > 0) {
    const names = foreign.map(({ name }) => name).join(', ')
    throw new ElfError(`the file needs ${names} of ${NEW_VERSION}, which no older glibc has`)
  }
  for (const { at } of symbols) image.view.setUint32(at, image.view.getUint32(at, true) + PREFIX.length, true)
  return symbols.map(({ name }) => name.slice(PREFIX.length))
}

function symbolsOfVersion(image: Image, versionIndex: number) {
  const table = sectionOfType(image, SECTION_DYNSYM, '.dynsym')
  const versions = sectionOfType(image, SECTION_VERSYM, '.gnu.version')
  const found: { at: number; name: string; defined: boolean }[] = []
  for (let i = 0; i < table.size / SYMBOL_BYTES; i++) {
    const index = image.view.getUint16(versions.offset + i * 2, true) & 0x7fff // the top bit says "hidden"
    if (index !== versionIndex) continue
    const at = table.offset + i * SYMBOL_BYTES
    const defined = image.view.getUint16(at + 6, true) !== 0
    found.push({ at, name: text(image, table.link, image.view.getUint32(at, true)), defined })
  }
  return found
}

/** Walks `.gnu.version_r`: one block per library, each a chain of versions. */
function neededVersions(image: Image, library: string): readonly NeededVersion[] {
  const { offset: start, size, link } = sectionOfType(image, SECTION_VERNEED, '.gnu.version_r')
  const { view } = image
  let block = start
  while (block < start + size) {
    if (text(image, link, view.getUint32(block + 4, true)) === library) return versionChain(image, link, block)
    const next = view.getUint32(block + 12, true)
    if (next === 0) break
    block += next
  }
  throw new ElfError(`the file does not need ${library}: it was not built for glibc`)
}

function versionChain(image: Image, strings: number, block: number): readonly NeededVersion[] {
  const { view } = image
  const count = view.getUint16(block + 2, true)
  const chain: NeededVersion[] = []
  let entry = block + view.getUint32(block + 8, true)
  for (let i = 0; i < count; i++) {
    const name = text(image, strings, view.getUint32(entry + 8, true))
    chain.push({ name, entry, index: view.getUint16(entry + 6, true) })
    entry += view.getUint32(entry + 12, true)
  }
  return chain
}

/** The hash and the name make the version; the entry keeps its index, flags and link. */
function copyVersion(view: DataView, from: number, to: number): void {
  view.setUint32(to, view.getUint32(from, true), true)
  view.setUint32(to + 8, view.getUint32(from + 8, true), true)
}

function text(image: Image, strings: number, at: number): string {
  const table = image.sections[strings]
  if (table === undefined) throw new ElfError('the file names a table of strings that it does not have')
  const start = table.offset + at
  const end = image.bytes.indexOf(0, start)
  if (end < 0) throw new ElfError('the file is cut short or damaged: a name has no end')
  return Buffer.from(image.bytes.buffer, image.bytes.byteOffset + start, end - start).toString('latin1')
}

function offset(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true))
}
