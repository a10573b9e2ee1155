import type { BrokerRecord } from '@roomway/broker'
import type { SourceCondition, SourceConfig } from '@roomway/config'
import { isEventName, isUserRoom } from '@roomway/protocol'
import { isContentType } from '@roomway/protocol/content-type'
import { isJsonContentType, maxValueBytes, payloadFault, type RoomDirectory } from '@roomway/records'
import { copiedHeaders, identityOf } from '../moving/copied-headers.js'
import type { MovedLog, MoveVerdict } from '../moving/moved-log.js'
import { parseJson, RecordFields, renderEvent, renderRoom } from './record-fields.js'

/** Where a record of a source stands: the id of its event, and what its copy says of it. */
export const sourcePlace = (name: string, epoch: string, partition: number, offset: number) =>
  `source:${name}:${epoch}:${partition}:${offset}`

const pass: MoveVerdict = { type: 'pass' }
const refuse = (reason: string): MoveVerdict => ({ type: 'refuse', reason })

/**
 * What a record of a source becomes. In this order: one without a value, where JSON is expected, deletes (a Kafka tombstone) and is passed over; so is
 * one that a condition on key or headers excludes; a value that is not what it says is refused; conditions on the value exclude; a room or
 * an event name that does not come out is refused.
 */
export function sourceJudge(config: SourceConfig): MovedLog['judge'] {
  const ofValue = config.filter.filter(({ of }) => of.from === 'value')
  const ofOutside = config.filter.filter(({ of }) => of.from !== 'value')
  return (record, epoch, directory) => {
    const { value, headers } = record
    const contentType = config.contentType ?? identityOf(headers).contentType
    const isJson = isJsonContentType(contentType)
    if (value.length === 0 && isJson) return pass
    const fields = new RecordFields(record, () => (isJson ? parseJson(value) : undefined))
    if (!ofOutside.every((condition) => holds(condition, fields))) return pass
    if (!isContentType(contentType)) return refuse('bad_content_type')
    if (value.length > maxValueBytes) return refuse('too_large')
    const fault = payloadFault(value, isJson)
    if (fault !== undefined) return refuse(fault)
    if (!ofValue.every((condition) => holds(condition, fields))) return pass
    return eventOf(config, record, fields, epoch, directory)
  }
}

function eventOf(
  config: SourceConfig,
  record: BrokerRecord,
  fields: RecordFields,
  epoch: string,
  directory: RoomDirectory,
): MoveVerdict {
  const room = renderRoom(config.room, fields)
  if (room === undefined) return refuse('no_room')
  if (!isUserRoom(room)) return refuse('bad_room')
  const event = config.event === undefined ? identityOf(record.headers).event : renderEvent(config.event, fields)
  if (event === undefined || !isEventName(event) || event.startsWith('$')) return refuse('bad_event_name')
  const { partition, offset, value } = record
  const place = sourcePlace(config.name, epoch, partition, offset)
  const headers = copiedHeaders(record, { event, id: place, place, contentType: config.contentType })
  if (headers === undefined) return refuse('too_large')
  return { type: 'copy', record: { partition: directory.home(room), key: room, headers, value } }
}

function holds(condition: SourceCondition, fields: RecordFields): boolean {
  const { of, not } = condition
  if (condition.type === 'exists') return fields.exists(of) !== not
  const text = fields.text(of)
  return (text !== undefined && condition.anyOf.includes(text)) !== not
}
