/*
 * Writes JSON into one scratch buffer, piece by piece: what comes again and again as bytes that were made once, numbers and short texts by their
 * digits and characters. Texts put together and then encoded would cost an event four times as much, half of it garbage.
 */
let scratch = Buffer.allocUnsafeSlow(256 * 1024)
const maxEscapeBytes = 6
/** Of views of the scratch buffer's beginning, one for each length; longer frames are rare enough to have their own. */
const keptViews = 4_096
let views = noViews()

/** The scratch buffer, of at least so many bytes. What was written before is lost. */
export function reserve(bytes: number): Buffer {
  if (bytes > scratch.length) {
    scratch = Buffer.allocUnsafeSlow(bytes * 2)
    views = noViews()
  }
  return scratch
}

/** The first `length` bytes of the scratch buffer, valid until it is written to again. */
export function written(length: number): Uint8Array {
  if (length >= keptViews) return scratch.subarray(0, length)
  const view = views[length] ?? new Uint8Array(scratch.buffer, 0, length)
  views[length] = view
  return view
}

/** All of these return where the next piece goes. */
export function putBytes(bytes: Uint8Array, at: number): number {
  scratch.set(bytes, at)
  return at + bytes.length
}

export function putNumber(value: number, at: number): number {
  if (value < 0 || !Number.isSafeInteger(value)) return putLatin1(String(value), at)
  if (value <= maxInt32) return putDigits(value | 0, digitsOf(value), at)
  const high = Math.floor(value / lowFactor)
  return putDigits((value - high * lowFactor) | 0, lowDigits, putNumber(high, at))
}

/** A text in quotes. Room for `maxTextBytes` of it must be there. */
export function putText(text: string, at: number): number {
  const end = text.length <= shortChars ? putPlain(text, at) : -1
  return end < 0 ? at + scratch.write(JSON.stringify(text), at, 'utf8') : end
}

/** The most bytes that a text in quotes takes: each character may need an escape of six. */
export const maxTextBytes = (text: string): number => text.length * maxEscapeBytes + 2

/** A text of Latin-1 characters that need no escapes. */
export function putLatin1(text: string, at: number): number {
  return at + scratch.write(text, at, 'latin1')
}

const maxInt32 = 0x7fff_ffff
const lowDigits = 7
const lowFactor = 10 ** lowDigits
const shortChars = 64
const [zero, quote, backslash] = [48, 34, 92]

function digitsOf(value: number): number {
  let digits = 1
  for (let rest = value; rest >= 10; rest = (rest / 10) | 0) digits++
  return digits
}

function putDigits(value: number, digits: number, at: number): number {
  let rest = value
  for (let place = at + digits - 1; place >= at; place--) {
    const quotient = (rest / 10) | 0
    scratch[place] = zero + rest - quotient * 10
    rest = quotient
  }
  return at + digits
}

/** −1 where a character is not the byte that it is in the text. */
function putPlain(text: string, at: number): number {
  let end = at
  scratch[end++] = quote
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char < 32 || char > 126 || char === quote || char === backslash) return -1
    scratch[end++] = char
  }
  scratch[end++] = quote
  return end
}

/** As long as it will be: V8 makes a slow array of one that grows by leaps. */
function noViews(): (Uint8Array | undefined)[] {
  return Array.from({ length: keptViews }, () => undefined)
}
