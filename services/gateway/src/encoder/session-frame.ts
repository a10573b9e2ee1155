import { seqOf, systemNames } from '@roomway/records'
import { idOf, type LoggedEvent, payloadOf } from '../log/logged-event.js'

/** A record of a connection's own room as the frame it stands for: what became of a command, whose id is `<command>.<i>`. Undefined where it is none. */
export function sessionFrame(event: LoggedEvent): object | undefined {
  const { offset } = event
  const eventId = idOf(event)
  const id = seqOf(eventId.slice(0, eventId.lastIndexOf('.')))
  const json = parse(event)
  if (!Number.isSafeInteger(id) || json === undefined) return undefined
  if (event.event === systemNames.reply) return { type: 'reply', id, offset, data: json.data }
  if (event.event !== systemNames.error || typeof json.data !== 'object') return undefined
  return { type: 'error', id, offset, temporary: false, ...json.data }
}

function parse(event: LoggedEvent): { readonly data: unknown } | undefined {
  try {
    return { data: JSON.parse(payloadOf(event).toString('utf8')) as unknown }
  } catch {
    return undefined
  }
}
