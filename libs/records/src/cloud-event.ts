import type { RecordHeaders } from '@roomway/broker'

/** What a CloudEvent in binary mode says that Roomway has a place for; its `datacontenttype` is the record's content type. */
export interface CloudEvent {
  /** Its `type`. */
  readonly event: string
  /** `<source> <id>`, a pair that is unique by the specification; undefined where one of them is missing. */
  readonly id: string | undefined
}

/** By the bindings of CloudEvents 1.0 to Kafka, and to AMQP, where there are two. */
const bindings = ['ce_', 'cloudEvents:', 'cloudEvents_'].map((prefix) => ({
  type: `${prefix}type`,
  source: `${prefix}source`,
  id: `${prefix}id`,
}))

/** The CloudEvent that a record's headers make it; undefined where they make it none. Roomway's own headers go before it. */
export function cloudEventOf(headers: RecordHeaders): CloudEvent | undefined {
  for (const names of bindings) {
    const event = headers[names.type]
    if (event !== undefined) return { event, id: idOf(headers[names.source], headers[names.id]) }
  }
  return undefined
}

/** A source is a URI reference, so that it holds no space, and the pair can be told apart. */
function idOf(source: string | undefined, id: string | undefined): string | undefined {
  return source && id ? `${source.replaceAll(' ', '%20')} ${id}` : undefined
}
