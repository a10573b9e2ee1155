import { contentTypeForm } from '@roomway/protocol/content-type'
import { rawItems, rawMember } from '@roomway/protocol/json'
import { isJsonContentType, jsonContentType, payloadFault } from '@roomway/records'
import { z } from 'zod'
import { Problem } from '../problem.js'
import { eventNameSchema, roomSchema } from '../request-schemas.js'

export const maxBatchEvents = 1_000

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const idForm = /^[^\u0000-\u001F\u007F-\u009F]+$/

/** What zod checks behind the schema, said in JSON Schema's words. */
const oneOfBoth = { oneOf: [{ required: ['data'] }, { required: ['dataBase64', 'contentType'] }] }

export const newEventSchema = z
  .strictObject({
    room: roomSchema,
    event: eventNameSchema.optional().meta({ description: 'The name of the event. Default `message`.' }),
    data: z.unknown().optional().meta({ description: 'JSON. This or `dataBase64`.' }),
    dataBase64: z.base64().optional().meta({ description: 'Bytes of any `contentType`.' }),
    contentType: z
      .string()
      .regex(contentTypeForm)
      .optional()
      .meta({ description: 'Default `application/json`; needed with `dataBase64`.' }),
    id: z
      .string()
      .min(1)
      .max(255)
      .regex(idForm)
      .refine((text) => text.isWellFormed() && Buffer.byteLength(text) <= 255, { error: 'more than 255 bytes' })
      .optional()
      .meta({ description: 'Unique within the room: a repeat has no effect. Default: a random one.' }),
  })
  .meta({
    id: 'NewEvent',
    ...oneOfBoth,
    description: 'An event to publish.',
    examples: [{ room: 'chat:lobby', event: 'message', data: { text: 'hello' } }],
  })

export const newEventsSchema = z
  .strictObject({ events: z.array(newEventSchema).min(1).max(maxBatchEvents) })
  .meta({ id: 'NewEvents', description: 'Several events; those of one room take effect in this order.' })

export const publishBodySchema = z.union([newEventSchema, newEventsSchema])

export type NewEvent = z.infer<typeof newEventSchema>

export interface Payload {
  readonly bytes: Uint8Array
  readonly contentType: string
}

/** The events of a body, each with its own raw text. `text`: the body as it came. */
export function eventsOf(
  body: z.infer<typeof publishBodySchema>,
  text: string,
): readonly { readonly event: NewEvent; readonly raw: string }[] {
  if (!('events' in body)) return [{ event: body, raw: text }]
  const raws = rawItems(rawMember(text, 'events')!)
  return body.events.map((event, i) => ({ event, raw: raws[i]! }))
}

/** What goes into the log: JSON in the publisher's own bytes. @throws Problem bad_payload, too_large. */
export function payloadOf(event: NewEvent, raw: string, maxBytes: number): Payload {
  const payload = uncheckedPayload(event, raw)
  const { bytes, contentType } = payload
  if (bytes.length > maxBytes)
    throw new Problem('too_large', `the data has ${bytes.length} bytes, ${maxBytes} are allowed`)
  const fault = payloadFault(bytes, isJsonContentType(contentType))
  if (fault !== undefined) throw new Problem('bad_payload', `the data is not valid ${contentType}: ${fault}`)
  return payload
}

function uncheckedPayload({ data, dataBase64, contentType }: NewEvent, raw: string): Payload {
  if ((data === undefined) === (dataBase64 === undefined))
    throw new Problem('bad_payload', 'an event takes data or dataBase64, one of them')
  if (dataBase64 !== undefined) {
    if (contentType === undefined) throw new Problem('bad_payload', 'dataBase64 needs a contentType')
    return { bytes: Buffer.from(dataBase64, 'base64'), contentType }
  }
  if (contentType !== undefined && !isJsonContentType(contentType))
    throw new Problem('bad_payload', `data of the type ${contentType} is sent as dataBase64`)
  return { bytes: Buffer.from(rawMember(raw, 'data')!), contentType: contentType ?? jsonContentType }
}
