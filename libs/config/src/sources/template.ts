/** What a template or a condition takes from a record. */
export type Reference =
  | { readonly from: 'key' }
  /** By its name as it was published; on Kafka in lower case. */
  | { readonly from: 'header'; readonly name: string }
  /** A JSON pointer (RFC 6901), cut into its unescaped tokens. */
  | { readonly from: 'value'; readonly pointer: readonly string[] }

/** Text, and what is put between it. */
export type Template = readonly (string | Reference)[]

const headerPrefix = 'header.'

/** `key`, `header.<name>`, or a JSON pointer such as `/order/id`. A string is the sentence that says what is wrong. */
export function parseReference(text: string): Reference | string {
  if (text === 'key') return { from: 'key' }
  if (text.startsWith(headerPrefix) && text.length > headerPrefix.length)
    return { from: 'header', name: text.slice(headerPrefix.length) }
  if (!text.startsWith('/'))
    return `${JSON.stringify(text)} is none of key, header.<name> and a JSON pointer such as /order/id`
  if (/~(?![01])/.test(text)) return `${JSON.stringify(text)} has a ~ that is neither ~0 nor ~1`
  const pointer = text.slice(1).split('/').map(unescapeToken)
  return { from: 'value', pointer }
}

const unescapeToken = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~')

/** Text with references in braces: `order:{/id}`. Braces stand for nothing else. A string is the sentence that says what is wrong. */
export function parseTemplate(text: string): Template | string {
  const parts: (string | Reference)[] = []
  for (const [, literal, inner] of text.matchAll(/([^{}]+)|\{([^{}]*)\}|[{}]/g)) {
    if (literal !== undefined) parts.push(literal)
    else if (inner === undefined) return `${JSON.stringify(text)} has a brace without its other one`
    else {
      const reference = parseReference(inner)
      if (typeof reference === 'string') return reference
      parts.push(reference)
    }
  }
  return parts
}
