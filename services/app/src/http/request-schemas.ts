import { isEventName, isUserRoom, type Position } from '@roomway/protocol'
import { z } from 'zod'

// Bytes of UTF-8 are checked behind what JSON Schema can say, so the document states characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const nameForm = /^[^$\u0000-\u001F\u007F-\u009F][^\u0000-\u001F\u007F-\u009F]*$/
const name = (error: string) => z.string().min(1, { error }).max(255, { error }).regex(nameForm, { error, abort: true })

const badRoom = 'not a room name that users may use'
const badEvent = 'not an event name that users may use'

export const roomSchema = name(badRoom)
  .refine(isUserRoom, { error: badRoom })
  .meta({
    description: '1–255 bytes of UTF-8 without control characters; a name that starts with $ is the system’s own.',
    examples: ['chat:lobby'],
  })

export const eventNameSchema = name(badEvent)
  .refine(isEventName, { error: badEvent })
  .meta({ description: 'The same rules as for rooms.', examples: ['message'] })

const positionForm = /^[\x21-\x7e]{1,255}:(-1|\d{1,15})$/

export const positionSchema = z
  .string()
  .regex(positionForm, { error: 'not a position: epoch:offset' })
  .meta({
    description: 'A position, `epoch:offset`: everything up to and including that offset has been seen.',
    examples: ['k3f9:41'],
  })

/** @param text of the form of `positionSchema`. */
export function parsePosition(text: string): Position {
  const colon = text.lastIndexOf(':')
  return { epoch: text.slice(0, colon), offset: Number(text.slice(colon + 1)) }
}

export const writtenPosition = ({ epoch, offset }: Position): string => `${epoch}:${offset}`

/** A number in a query. */
export const countSchema = (max: number, byDefault: number) => {
  // As a query holds it, it is text.
  const shown = { type: 'integer', pattern: undefined, minimum: 1, maximum: max, default: byDefault }
  return z
    .codec(
      z
        .string()
        .regex(/^[1-9]\d{0,8}$/, { error: `not a whole number from 1 to ${max}` })
        .meta(shown),
      z.int().min(1).max(max),
      {
        decode: Number,
        encode: String,
      },
    )
    .default(byDefault)
}
