import { parsePlace } from '@roomway/protocol'
import type { HttpRequest, HttpResponse, TemplatedApp } from '@roomway/uws'
import type { Handshake } from '../../connection/reception.js'
import { type Problem, placesTaken, problemOf, writeAccess, writeProblem } from '../problem.js'
import type { PublishToTopic } from '../transport.js'
import { stopId } from './event-id.js'
import { FollowedRooms } from './followed-rooms.js'
import { Streams, type StreamsOptions } from './streams.js'
import { UwsStream } from './uws-stream.js'

export interface SseOptions extends StreamsOptions {
  readonly app: TemplatedApp
  /** Reads what matters out of the request; what it returns is all that is kept of it. */
  readonly readHandshake: (header: (name: string) => string) => Handshake
}

/** What the request asks for, copied. */
interface StreamRequest {
  readonly rooms: FollowedRooms
  readonly fault: Problem | undefined
  readonly isStopped: boolean
  readonly origin: string | undefined
  readonly handshake: Handshake
}

const path = '/v1/sse'
/** Every event carries a place for each. */
const maxRooms = 100
/** So much that the address of a stream, a token and the id that it comes back with go into the head of one request. */
const maxAddressChars = 24_576

/** The transport of Server-Sent Events: `GET /v1/sse?room=a&room=b`. Returns how a frame is published to a topic. */
export function serveSse(options: SseOptions): PublishToTopic {
  const streams = new Streams(options)
  options.app.get(path, (res, req) => {
    const request = readRequest(options, req)
    if (options.places.isFull) {
      const problem = problemOf('overloaded', placesTaken)
      return writeProblem(res, problem, request.origin)
    }
    if (request.isStopped) return stop(res, request.origin)
    if (request.fault !== undefined) return writeProblem(res, request.fault, request.origin)
    const { rooms, handshake, origin } = request
    streams.open(rooms, handshake, (events) => new UwsStream({ res, origin, ...events }))
  })
  options.app.options(path, (res, req) => answerPreflight(res, readRequest(options, req)))
  return streams.topics.publish
}

function readRequest({ readHandshake }: SseOptions, req: HttpRequest): StreamRequest {
  // Its type does not say so: undefined where the address has no question mark.
  const address = (req.getQuery() as string | undefined) ?? ''
  const query = new URLSearchParams(address)
  const names = query.getAll('room')
  // A new EventSource cannot set the header; one that reconnects sends it with the address that it was made with.
  const lastEventId = req.getHeader('last-event-id') || query.get('lastEventId') || ''
  const handshake = readHandshake((name) => req.getHeader(name))
  const origin = req.getHeader('origin')
  return {
    rooms: new FollowedRooms(names, lastEventId),
    fault: faultOf(names, address),
    isStopped: lastEventId === stopId,
    origin: origin !== '' && handshake.isOriginAllowed ? origin : undefined,
    handshake: { ...handshake, place: parsePlace(query.get('place') ?? ''), rooms: names },
  }
}

/** What is wrong with the rooms besides what a join of each will say. */
function faultOf(names: readonly string[], address: string): Problem | undefined {
  if (names.length === 0) return problemOf('bad_room', `name the rooms: ${path}?room=a&room=b`)
  if (new Set(names).size > maxRooms)
    return problemOf('too_many_rooms', `a stream takes ${maxRooms} rooms: open another, or a WebSocket`)
  if (address.length > maxAddressChars)
    return problemOf(
      'too_many_rooms',
      `the names of a stream’s rooms take ${maxAddressChars} characters of the address at most`,
    )
  return address.split('&').filter(isRoom).every(isUtf8)
    ? undefined
    : problemOf('bad_room', 'the name of a room is not percent-encoded UTF-8')
}

const isRoom = (parameter: string): boolean => new URLSearchParams(parameter).has('room')

/** What cannot be decoded becomes U+FFFD, in the head of a request as in its query: that would be the name of another room. */
function isUtf8(parameter: string): boolean {
  if (parameter.includes('\uFFFD')) return false
  try {
    decodeURIComponent(parameter)
    return true
  } catch {
    return false
  }
}

/** An EventSource that gets this does not come back. */
function stop(res: HttpResponse, origin: string | undefined): void {
  res.writeStatus('204 No Content')
  writeAccess(res, origin)
  res.endWithoutBody()
}

/** A page that sets headers itself (a token, the last id) is asked about first. */
function answerPreflight(res: HttpResponse, { origin }: StreamRequest): void {
  if (origin === undefined) return writeProblem(res, problemOf('origin', 'this page’s origin is not allowed'))
  res.writeStatus('204 No Content')
  writeAccess(res, origin)
  res.writeHeader('Access-Control-Allow-Methods', 'GET')
  res.writeHeader('Access-Control-Allow-Headers', 'Authorization, Last-Event-ID, Cache-Control')
  res.writeHeader('Access-Control-Max-Age', '600').endWithoutBody()
}
