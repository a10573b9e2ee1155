import { isUtf8 } from 'node:buffer'
import type { DeadLetter } from '@roomway/records'
import { z } from 'zod'
import { positionSchema, writtenPosition } from '../request-schemas.js'

export const summarySchema = z
  .object({
    id: positionSchema.meta({ description: 'Where it stands in the log `dead`.' }),
    reason: z.string().meta({ examples: ['bad_json'] }),
    detail: z.string().optional().meta({ description: 'What failed, in its own words.' }),
    log: z.string().meta({ description: 'Where the record stood.', examples: ['intake'] }),
    position: z.string().meta({ description: 'Where in that log: `epoch:partition:offset`.' }),
    room: z.string().optional().meta({ description: 'The key of the record.' }),
    time: z.number().meta({ description: 'When the record was written, in ms since 1970.' }),
    bytes: z.int().meta({ description: 'Of the data, as it was.' }),
    isWhole: z.boolean().meta({ description: 'Whether all of it was kept. What was cut cannot be replayed.' }),
  })
  .meta({ id: 'DeadLetterSummary' })

export const letterSchema = summarySchema
  .extend({
    headers: z.record(z.string(), z.string()),
    data: z.string().optional().meta({ description: 'As text, where it is UTF-8.' }),
    dataBase64: z.string().optional().meta({ description: 'Where it is not.' }),
  })
  .meta({ id: 'DeadLetter' })

/** `epoch`: that of the log `dead`. */
export function summaryOf(letter: DeadLetter, epoch: string): z.infer<typeof summarySchema> {
  const { offset, reason, detail, log, logEpoch, logPartition, logOffset, key, timeMs, bytes, isWhole } = letter
  return {
    id: writtenPosition({ epoch, offset }),
    reason,
    ...(detail !== undefined && { detail }),
    log,
    position: `${logEpoch}:${logPartition}:${logOffset}`,
    ...(key !== undefined && { room: key }),
    time: timeMs,
    bytes,
    isWhole,
  }
}

export function letterOf(letter: DeadLetter, epoch: string): z.infer<typeof letterSchema> {
  const value = Buffer.from(letter.value)
  const data = isUtf8(value) ? { data: value.toString() } : { dataBase64: value.toString('base64') }
  return { ...summaryOf(letter, epoch), headers: { ...letter.headers }, ...data }
}
