import type { Decision, Emission } from '@roomway/handlers'
import { type ErrorCode, errorCodes, isEventName, isUserRoom } from '@roomway/protocol'
import { isContentType } from '@roomway/protocol/content-type'
import { type Command, isJsonContentType, payloadFault } from '@roomway/records'

/** What a gateway would have refused already; looked at again because what stands in the log reaches every client of a room. */
export function faultOf(command: Command): Decision | undefined {
  if (!isShownName(command.event)) return reject('bad_frame', `no event can be called ${JSON.stringify(command.event)}`)
  const fault = payloadFault(command.payload, isJsonContentType(command.contentType))
  return fault && reject('bad_payload', `the data is not valid ${fault === 'bad_utf8' ? 'UTF-8' : 'JSON'}`)
}

/** Why no outcome can be made of what a handler decided, whatever that is; undefined where one can. */
export function answerFault(decision: Decision): string | undefined {
  switch (decision?.type) {
    case 'reject':
      return rejectionFault(decision)
    case 'accept':
      return replyFault(decision.reply)
    case 'answer':
      return replyFault(decision.reply) ?? eventsFault(decision.events)
    default:
      return 'it did not decide'
  }
}

/** As of what applications answer to questions. */
const codeForm = /^app\.[\w.-]{1,64}$/

function rejectionFault({ code, message }: { readonly code: unknown; readonly message: unknown }): string | undefined {
  const isCode = typeof code === 'string' && (Object.hasOwn(errorCodes, code) || codeForm.test(code))
  if (!isCode) return `it rejected as ${JSON.stringify(code)}, which is no code`
  return typeof message === 'string' ? undefined : 'it rejected without a message'
}

function replyFault(reply: unknown): string | undefined {
  if (reply === undefined) return undefined
  return reply instanceof Uint8Array && payloadFault(reply, true) === undefined
    ? undefined
    : 'its reply is not valid JSON'
}

const eventsFault = (events: unknown) =>
  Array.isArray(events) ? firstOf(events as readonly unknown[], emissionFault) : 'it answered without a list of events'

function firstOf<T>(all: readonly T[], faultIn: (one: T) => string | undefined): string | undefined {
  for (const one of all) {
    const fault = faultIn(one)
    if (fault !== undefined) return fault
  }
  return undefined
}

function emissionFault(emitted: unknown): string | undefined {
  const { room, event, contentType, payload } = (emitted ?? {}) as Partial<Emission>
  if (typeof room !== 'string' || !isUserRoom(room))
    return `it emitted to ${JSON.stringify(room)}, which is no room for events`
  if (typeof event !== 'string' || !isShownName(event))
    return `it emitted an event called ${JSON.stringify(event)}, which cannot be`
  if (!isContentType(contentType))
    return `it emitted ${event} to ${room} as ${JSON.stringify(contentType)}, which is no content type`
  if (!(payload instanceof Uint8Array)) return `it emitted ${event} to ${room} with data that are no bytes`
  const fault = payloadFault(payload, isJsonContentType(contentType))
  return (
    fault && `it emitted ${event} to ${room} with data that is not valid ${fault === 'bad_utf8' ? 'UTF-8' : 'JSON'}`
  )
}

const isShownName = (event: string) => isEventName(event) && !event.startsWith('$')

const reject = (code: ErrorCode, message: string): Decision => ({ type: 'reject', code, message })
