import type { Decision } from '@roomway/handlers'
import { type ErrorCode, isEventName } from '@roomway/protocol'
import { type Command, isJsonContentType, payloadFault } from '@roomway/records'

/** What a gateway would have refused already; looked at again because what stands in the log reaches every client of a room. */
export function faultOf(command: Command): Decision | undefined {
  if (!isEventName(command.event) || command.event.startsWith('$'))
    return reject('bad_frame', `no event can be called ${JSON.stringify(command.event)}`)
  const fault = payloadFault(command.payload, isJsonContentType(command.contentType))
  return fault && reject('bad_payload', `the data is not valid ${fault === 'bad_utf8' ? 'UTF-8' : 'JSON'}`)
}

const reject = (code: ErrorCode, message: string): Decision => ({ type: 'reject', code, message })
