import type { Decision, Emission } from '@roomway/handlers'
import { type ErrorCode, isEventName, isUserRoom } from '@roomway/protocol'
import { type Command, isJsonContentType, payloadFault } from '@roomway/records'

/** What a gateway would have refused already; looked at again because what stands in the log reaches every client of a room. */
export function faultOf(command: Command): Decision | undefined {
  if (!isShownName(command.event)) return reject('bad_frame', `no event can be called ${JSON.stringify(command.event)}`)
  const fault = payloadFault(command.payload, isJsonContentType(command.contentType))
  return fault && reject('bad_payload', `the data is not valid ${fault === 'bad_utf8' ? 'UTF-8' : 'JSON'}`)
}

/** Why no outcome can be made of what a handler decided; undefined where one can. */
export function answerFault(decision: Decision): string | undefined {
  switch (decision?.type) {
    case 'reject':
      return undefined
    case 'accept':
      return replyFault(decision.reply)
    case 'answer':
      return replyFault(decision.reply) ?? firstOf(decision.events, emissionFault)
    default:
      return 'it did not decide'
  }
}

const replyFault = (reply: Uint8Array | undefined) =>
  reply !== undefined && payloadFault(reply, true) !== undefined ? 'its reply is not valid JSON' : undefined

function firstOf<T>(all: readonly T[], faultIn: (one: T) => string | undefined): string | undefined {
  for (const one of all) {
    const fault = faultIn(one)
    if (fault !== undefined) return fault
  }
  return undefined
}

function emissionFault({ room, event, contentType, payload }: Emission): string | undefined {
  if (!isUserRoom(room)) return `it emitted to ${JSON.stringify(room)}, which is no room for events`
  if (!isShownName(event)) return `it emitted an event called ${JSON.stringify(event)}, which cannot be`
  const fault = payloadFault(payload, isJsonContentType(contentType))
  return (
    fault && `it emitted ${event} to ${room} with data that is not valid ${fault === 'bad_utf8' ? 'UTF-8' : 'JSON'}`
  )
}

const isShownName = (event: string) => isEventName(event) && !event.startsWith('$')

const reject = (code: ErrorCode, message: string): Decision => ({ type: 'reject', code, message })
