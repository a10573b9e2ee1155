import { seqOf, systemNames } from '@roomway/records'
import type { LoggedEvent } from '../log/logged-event.js'

/** A record of a connection's own room as the frame it stands for: what became of a command. Its id is `<command>.<i>`. */
export function sessionFrame(event: LoggedEvent): object {
  const id = seqOf(event.id.slice(0, event.id.lastIndexOf('.')))
  const data: unknown = JSON.parse(event.payload.toString('utf8'))
  if (event.event !== systemNames.error) return { type: 'reply', id, offset: event.offset, data }
  return { type: 'error', id, offset: event.offset, temporary: false, ...(data as object) }
}
