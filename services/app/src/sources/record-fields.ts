import { escapeUser } from '@roomway/auth'
import type { BrokerRecord } from '@roomway/broker'
import type { Reference, Template } from '@roomway/config'

const decoder = new TextDecoder()
const indexForm = /^(0|[1-9]\d*)$/

/** What a template or a condition can take from a record. `parse` only if something is taken from the value. */
export class RecordFields {
  readonly #record: Pick<BrokerRecord, 'key' | 'headers'>
  readonly #parse: () => unknown
  #document: { readonly value: unknown } | undefined

  constructor(record: Pick<BrokerRecord, 'key' | 'headers'>, parse: () => unknown) {
    this.#record = record
    this.#parse = parse
  }

  /** The text of what is there; undefined where nothing is, or nothing with one text: null, a list, an object, a number that is not whole and exact. */
  text(reference: Reference): string | undefined {
    return reference.from === 'value' ? textOf(this.#at(reference.pointer)) : this.#outside(reference)
  }

  /** Whether anything is there, and not null. */
  exists(reference: Reference): boolean {
    if (reference.from !== 'value') return this.#outside(reference) !== undefined
    const found = this.#at(reference.pointer)
    return found !== undefined && found !== null
  }

  #outside(reference: Exclude<Reference, { from: 'value' }>): string | undefined {
    const { key, headers } = this.#record
    if (reference.from === 'key') return key
    // Kafka's names are read in lower case.
    return own(headers, reference.name) ?? own(headers, reference.name.toLowerCase())
  }

  #at(pointer: readonly string[]): unknown {
    this.#document ??= { value: this.#parse() }
    return valueAt(this.#document.value, pointer)
  }
}

const own = (headers: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(headers, name) ? headers[name] : undefined

/** What a JSON pointer (RFC 6901) leads to; undefined where it leads nowhere. */
export function valueAt(document: unknown, pointer: readonly string[]): unknown {
  let at = document
  for (const token of pointer) {
    if (typeof at !== 'object' || at === null) return undefined
    if (Array.isArray(at) && !indexForm.test(token)) return undefined
    if (!Object.hasOwn(at, token)) return undefined
    at = (at as Record<string, unknown>)[token]
  }
  return at
}

/** A number that is not whole and exact has more than one text: two of them would share a room, or one have two. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return String(value)
  return Number.isSafeInteger(value) ? String(value) : undefined
}

/** What keeps a part from being a room's segment but itself: see `escapeUser`. */
const asSegment = escapeUser
const asIs = (text: string): string => text

/** The text with everything put in; undefined where a part of it is not there, or empty. */
function render(template: Template, fields: RecordFields, form: (text: string) => string): string | undefined {
  let text = ''
  for (const part of template) {
    const filled = typeof part === 'string' ? part : fields.text(part)
    if (filled === undefined || filled === '') return undefined
    text += typeof part === 'string' ? part : form(filled)
  }
  return text
}

/** A room: what is put in is escaped, so that it stays within its segment. */
export const renderRoom = (template: Template, fields: RecordFields) => render(template, fields, asSegment)
export const renderEvent = (template: Template, fields: RecordFields) => render(template, fields, asIs)

export const parseJson = (value: Uint8Array): unknown => JSON.parse(decoder.decode(value))
