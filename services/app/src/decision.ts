import { type ErrorCode, isEventName } from '@roomway/protocol'
import { type Command, isJsonContentType, payloadFault } from '@roomway/records'

/** What becomes of a command. `accept`: it is an event of its room, as it is. `reject`: it has no effect, and its client is told. */
export type Decision =
  | { readonly type: 'accept' }
  | { readonly type: 'reject'; readonly code: ErrorCode | `app.${string}`; readonly message: string }

/**
 * Decides about one command. Called in the order of the partition, one at a time. It may be called again for the same command, by this
 * instance or another; of several answers the log lets one count. Outside effects key on `command.id`.
 */
export type Handle = (command: Command) => Decision | Promise<Decision>

const accept: Decision = { type: 'accept' }

export const acceptUnchanged: Handle = () => accept

/** What a gateway would have refused already; looked at again because what stands in the log reaches every client of a room. */
export function faultOf(command: Command): Decision | undefined {
  if (!isEventName(command.event) || command.event.startsWith('$'))
    return reject('bad_frame', `no event can be called ${JSON.stringify(command.event)}`)
  const fault = payloadFault(command.payload, isJsonContentType(command.contentType))
  return fault && reject('bad_payload', `the data is not valid ${fault === 'bad_utf8' ? 'UTF-8' : 'JSON'}`)
}

const reject = (code: ErrorCode, message: string): Decision => ({ type: 'reject', code, message })
