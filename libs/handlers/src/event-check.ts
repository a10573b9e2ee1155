import type { Command } from '@roomway/records'
import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { EventSchemas } from './app-types.js'
import { decodeContent } from './content.js'
import type { PublishedEvent } from './contexts.js'
import type { Decision } from './decision.js'
import { rejection } from './rejection.js'

export type CheckedEvent = { readonly event: PublishedEvent<Record<string, unknown>> } | { readonly rejected: Decision }

/** What was published, as its schema parses it; or why it is none of the room's events. */
export async function checkEvent(schemas: EventSchemas | undefined, command: Command): Promise<CheckedEvent> {
  const { event, contentType, payload, timeMs: time } = command
  const schema = schemas === undefined ? undefined : Object.hasOwn(schemas, event) ? schemas[event] : null
  if (schema === null) return { rejected: rejection('unknown_event', `no event ${JSON.stringify(event)} here`) }
  let data: unknown
  try {
    data = decodeContent(contentType, payload)
  } catch {
    return { rejected: rejection('invalid_event', `the data is no valid ${contentType}`) }
  }
  if (schema === undefined) return { event: { event, data, contentType, time } }
  const result = await schema['~standard'].validate(data)
  if (result.issues !== undefined) return { rejected: rejection('invalid_event', described(result.issues)) }
  return { event: { event, data: result.value, contentType, time } }
}

const maxIssues = 5
const maxMessageChars = 500

function described(issues: readonly StandardSchemaV1.Issue[]): string {
  const lines = issues.slice(0, maxIssues).map(({ path = [], message }) => {
    const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
    return keys.length === 0 ? message : `${keys.join('.')}: ${message}`
  })
  return lines.join('; ').slice(0, maxMessageChars).toWellFormed()
}
