/*
 * Whether bytes are JSON (RFC 8259), as `JSON.parse` decides, and how deep they nest, in one pass that makes nothing: what nobody looks at as a value need
 * not become one. That the bytes are UTF-8 is for others to see to.
 */
const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const minus = 0x2d
const plus = 0x2b
const dot = 0x2e
const zero = 0x30
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const letterU = 0x75
const letterE = 0x65
const caseBit = 0x20

const words = ['true', 'false', 'null'].map((word) => Uint8Array.from(word, (char) => char.charCodeAt(0)))
/** What may follow a backslash, besides `u` and four digits. */
const escapes = new Set(Array.from('"\\/bfnrt', (char) => char.charCodeAt(0)))
const none = -1

/** What closes the brackets that are open in the text that is being looked at; one at a time is. */
const open = new Uint8Array(256)

/** True where the bytes are one JSON value, in which objects and arrays nest no deeper than `maxNesting`, which is below 256. */
export function isJsonText(json: Uint8Array, maxNesting: number): boolean {
  let depth = 0
  for (let at = spaceEnd(json, 0); ; ) {
    const first = json[at]
    if (first === openBrace || first === openBracket) {
      // In ASCII a bracket and the one that closes it are two apart.
      if (depth === maxNesting) return false
      open[++depth] = first + 2
      at = spaceEnd(json, at + 1)
      if (json[at] !== first + 2) {
        if (first === openBrace) at = nameEnd(json, at)
        if (at === none) return false
        continue
      }
    } else {
      at = scalarEnd(json, at)
      if (at === none) return false
      at = spaceEnd(json, at)
    }
    while (depth > 0 && json[at] === open[depth]) {
      depth--
      at = spaceEnd(json, at + 1)
    }
    if (depth === 0) return at === json.length
    if (json[at] !== comma) return false
    at = spaceEnd(json, at + 1)
    if (open[depth] === closeBrace) at = nameEnd(json, at)
    if (at === none) return false
  }
}

/** Past white space. */
function spaceEnd(json: Uint8Array, start: number): number {
  let at = start
  while (at < json.length && json[at]! <= 0x20 && isSpace(json[at]!)) at++
  return at
}

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

/** Past a member's name, its colon, and the white space around that. */
function nameEnd(json: Uint8Array, start: number): number {
  if (json[start] !== quote) return none
  const end = stringEnd(json, start)
  if (end === none) return none
  const at = spaceEnd(json, end)
  return json[at] === colon ? spaceEnd(json, at + 1) : none
}

function scalarEnd(json: Uint8Array, start: number): number {
  const first = json[start]
  if (first === undefined) return none
  if (first === quote) return stringEnd(json, start)
  if (first === minus || isDigit(first)) return numberEnd(json, start)
  for (const word of words) if (word[0] === first) return wordEnd(json, start, word)
  return none
}

function stringEnd(json: Uint8Array, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    const byte = json[at]!
    if (byte === quote) return at + 1
    if (byte < 0x20) return none
    if (byte !== backslash) continue
    at = escapeEnd(json, at + 1)
    if (at === none) return none
  }
  return none
}

/** At the last byte of an escape, of which the backslash was read. */
function escapeEnd(json: Uint8Array, start: number): number {
  const byte = json[start]
  if (byte === undefined) return none
  if (byte !== letterU) return escapes.has(byte) ? start : none
  if (start + 4 >= json.length) return none
  for (let at = start + 1; at <= start + 4; at++) if (!isHexDigit(json[at]!)) return none
  return start + 4
}

function numberEnd(json: Uint8Array, start: number): number {
  const first = json[start] === minus ? start + 1 : start
  let at = json[first] === zero ? first + 1 : digitsEnd(json, first)
  if (at === none) return none
  if (at < json.length && json[at] === dot) at = digitsEnd(json, at + 1)
  if (at === none || at >= json.length || (json[at]! | caseBit) !== letterE) return at
  const sign = json[at + 1]
  return digitsEnd(json, sign === plus || sign === minus ? at + 2 : at + 1)
}

/** Past digits, of which there must be one. */
function digitsEnd(json: Uint8Array, start: number): number {
  let at = start
  while (at < json.length && isDigit(json[at]!)) at++
  return at === start ? none : at
}

function wordEnd(json: Uint8Array, start: number, word: Uint8Array): number {
  for (let n = 0; n < word.length; n++) if (json[start + n] !== word[n]) return none
  return start + word.length
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39

const isHexDigit = (byte: number): boolean => isDigit(byte) || ((byte | caseBit) >= 0x61 && (byte | caseBit) <= 0x66)
