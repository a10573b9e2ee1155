import type { Codec } from './codec.js'
import { FrameSyntaxError } from './codec.js'
import { checkNesting, maxNesting } from './nesting.js'

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The JSON wire format. Bytes are read as strict UTF-8. */
export const jsonCodec: Codec = { format: 'json', encode: (frame) => JSON.stringify(frame), decode }

function decode(message: string | Uint8Array): Readonly<Record<string, unknown>> {
  const value = parse(message)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new FrameSyntaxError('a frame is one JSON object')
  }
  // A text too short to nest that deep need not be walked.
  if (message.length > 2 * maxNesting) checkNesting(value)
  return value as Record<string, unknown>
}

function parse(message: string | Uint8Array): unknown {
  try {
    return JSON.parse(typeof message === 'string' ? message : decoder.decode(message))
  } catch (cause) {
    throw new FrameSyntaxError('not valid JSON in UTF-8', { cause })
  }
}

const quote = 0x22
const backslash = 0x5c

/**
 * The raw text of a top-level member of a JSON object, so that a payload can be passed on without encoding it again. Of several members
 * with the name the last counts, as in JSON.parse. Undefined where there is none.
 * `text` must already have been accepted by `jsonCodec.decode`: on any other text the result means nothing.
 */
export function rawMember(text: string, name: string): string | undefined {
  let found: string | undefined
  let at = skipSpace(text, text.indexOf('{') + 1)
  while (text.charCodeAt(at) === quote) {
    const keyEnd = stringEnd(text, at)
    const start = skipSpace(text, text.indexOf(':', keyEnd) + 1)
    const end = valueEnd(text, start)
    if (isKey(text, at, keyEnd, name)) found = text.slice(start, end)
    at = skipSpace(text, skipSpace(text, end) + 1)
  }
  return found
}

/** The raw texts of the items of a JSON array, under the same condition on `text`. */
export function rawItems(text: string): string[] {
  const items: string[] = []
  let at = skipSpace(text, text.indexOf('[') + 1)
  while (at < text.length && text.charCodeAt(at) !== 0x5d) {
    const end = valueEnd(text, at)
    items.push(text.slice(at, end))
    const comma = skipSpace(text, end)
    at = text.charCodeAt(comma) === 0x2c ? skipSpace(text, comma + 1) : comma
  }
  return items
}

function isKey(text: string, start: number, end: number, name: string): boolean {
  if (end - start === name.length + 2 && text.startsWith(name, start + 1)) return true
  const key = text.slice(start, end)
  return key.includes('\\') && JSON.parse(key) === name
}

function skipSpace(text: string, from: number): number {
  let at = from
  for (;;) {
    const char = text.charCodeAt(at)
    if (char !== 0x20 && char !== 0x0a && char !== 0x0d && char !== 0x09) return at
    at++
  }
}

/** The index after the closing quote of the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end + 1
}

function isEscaped(text: string, at: number): boolean {
  let before = at - 1
  while (text.charCodeAt(before) === backslash) before--
  return (at - before) % 2 === 0
}

/** The index after the value that begins at `start`, without white space that follows it. */
function valueEnd(text: string, start: number): number {
  const first = text.charCodeAt(start)
  if (first === quote) return stringEnd(text, start)
  return first === 0x7b || first === 0x5b ? containerEnd(text, start) : scalarEnd(text, start)
}

function containerEnd(text: string, start: number): number {
  let depth = 0
  let at = start
  do {
    const char = text.charCodeAt(at)
    if (char === quote) at = stringEnd(text, at) - 1
    else if (char === 0x7b || char === 0x5b) depth++
    else if (char === 0x7d || char === 0x5d) depth--
    at++
  } while (depth > 0)
  return at
}

function scalarEnd(text: string, start: number): number {
  let at = start
  for (;;) {
    const char = text.charCodeAt(at)
    if (char === 0x2c || char === 0x7d || char === 0x5d || char <= 0x20) return at
    at++
  }
}
