import type { BrokerRecord } from '@roomway/broker'
import { isEventName, isUserRoom } from '@roomway/protocol'
import { isContentType } from '@roomway/protocol/content-type'
import { isJsonContentType, maxValueBytes, payloadFault, type RoomDirectory } from '@roomway/records'
import { copiedHeaders, identityOf } from '../moving/copied-headers.js'
import type { MoveVerdict } from '../moving/moved-log.js'

/** Where a record of the intake log stands; the id of its copy where it has none of its own is this behind `intake:`. */
export const sourceOf = (epoch: string, partition: number, offset: number) => `${epoch}:${partition}:${offset}`

/** What a record that anybody may have written becomes: an event in the home of its room, or a dead letter. The value is not copied. */
export function judgeIntake(record: BrokerRecord, epoch: string, directory: RoomDirectory): MoveVerdict {
  const { key, headers, value } = record
  if (key === undefined || !isUserRoom(key)) return { type: 'refuse', reason: 'bad_room' }
  const { event, id, contentType } = identityOf(headers)
  if (!isEventName(event) || event.startsWith('$')) return { type: 'refuse', reason: 'bad_event_name' }
  if (!isContentType(contentType)) return { type: 'refuse', reason: 'bad_content_type' }
  if (value.length > maxValueBytes) return { type: 'refuse', reason: 'too_large' }
  const fault = payloadFault(value, isJsonContentType(contentType))
  if (fault !== undefined) return { type: 'refuse', reason: fault }
  const place = sourceOf(epoch, record.partition, record.offset)
  const copied = copiedHeaders(record, { event, id: id ?? `intake:${place}`, place })
  if (copied === undefined) return { type: 'refuse', reason: 'too_large' }
  return { type: 'copy', record: { partition: directory.home(key), key, headers: copied, value } }
}
