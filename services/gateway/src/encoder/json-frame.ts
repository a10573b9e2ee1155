import { type LoggedEvent, payloadOf } from '../log/logged-event.js'
import { maxTextBytes, putBytes, putLatin1, putNumber, putText, reserve, written } from './json-writer.js'

/** Of its own memory: a small `Buffer` would keep the eight kilobytes that it is a part of. */
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

const prevKey = bytesOf(',"prev":')
const idKey = bytesOf(',"id":')
const contentTypeKey = bytesOf(',"contentType":')
const timeKey = bytesOf(',"time":')
const userKey = bytesOf(',"user":')
const traceparentKey = bytesOf(',"traceparent":')
const end = bytesOf('}')
/** Keys, numbers, quotes. */
const fixedBytes = 256

let lastRoom = ''
let lastRoomHead = bytesOf('')

/** What the frames of a room's events begin with. Replays write those of one room after the other, of rooms that keep nothing. */
export function roomHead(room: string): Uint8Array {
  if (room !== lastRoom) {
    lastRoom = room
    lastRoomHead = bytesOf(`{"type":"event","room":${JSON.stringify(room)},"offset":`)
  }
  return lastRoomHead
}

/** What the ids of a partition's events are, but for the offset at their end, where they only say where an event stands. */
export const idHead = (place: string): Uint8Array => bytesOf(`,"id":${JSON.stringify(place).slice(0, -1)}`)

/** The frame of an event in scratch memory, valid until the next one is written. */
export function jsonFrame(event: LoggedEvent, prev: number): Uint8Array {
  const name = nameOf(event.event)
  reserve(mostBytesOf(event) + name.length)
  let at = putNumber(event.offset, putBytes(event.home.frameHead, 0))
  at = putNumber(prev, putBytes(prevKey, at))
  at = putBytes(name, putId(event, at))
  at = event.isJson ? putBytes(event.payload, putBytes(dataKey, at)) : putBase64(event, at)
  at = putNumber(event.timeMs, putBytes(timeKey, at))
  if (event.user !== undefined) at = putText(event.user, putBytes(userKey, at))
  if (event.traceparent !== undefined) at = putText(event.traceparent, putBytes(traceparentKey, at))
  return written(putBytes(end, at))
}

const dataKey = bytesOf(',"data":')
const base64Key = bytesOf(',"dataBase64":"')
const quote = bytesOf('"')

function mostBytesOf(event: LoggedEvent): number {
  const { home, ownId, user, traceparent } = event
  const payloadBytes = event.payload.length
  let bytes = fixedBytes + home.frameHead.length + payloadBytes
  if (ownId === undefined) bytes += event.window.idHead.length
  else bytes += maxTextBytes(ownId)
  if (!event.isJson) bytes += payloadBytes + maxTextBytes(event.contentType)
  if (user !== undefined) bytes += maxTextBytes(user)
  if (traceparent !== undefined) bytes += maxTextBytes(traceparent)
  return bytes
}

function putId(event: LoggedEvent, at: number): number {
  if (event.ownId !== undefined) return putText(event.ownId, putBytes(idKey, at))
  return putBytes(quote, putNumber(event.offset, putBytes(event.window.idHead, at)))
}

function putBase64(event: LoggedEvent, at: number): number {
  const start = putBytes(base64Key, putText(event.contentType, putBytes(contentTypeKey, at)))
  return putBytes(quote, putLatin1(payloadOf(event).toString('base64'), start))
}

const maxNames = 1_000
const names = new Map<string, Uint8Array>()
let lastName = ''
let lastNameBytes = bytesOf(',"event":""')

/** Few names come again and again, and mostly the same as just before. */
function nameOf(name: string): Uint8Array {
  if (name === lastName) return lastNameBytes
  let bytes = names.get(name)
  if (bytes === undefined) {
    bytes = bytesOf(`,"event":${JSON.stringify(name)}`)
    if (names.size < maxNames) names.set(name, bytes)
  }
  lastName = name
  lastNameBytes = bytes
  return bytes
}
