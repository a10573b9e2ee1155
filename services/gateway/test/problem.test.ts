import { describe, expect, test } from '@jest/globals'
import { problemOf } from '../src/transport/problem.js'
import { FollowedRooms } from '../src/transport/sse/followed-rooms.js'
import { SseSocket } from '../src/transport/sse/sse-socket.js'
import { Topics } from '../src/transport/sse/topics.js'
import { FakeResponse } from './fake-stream.js'

const bodyOf = ({ body }: { readonly body: string }) => JSON.parse(body) as Record<string, unknown>

describe('a refusal over HTTP', () => {
  test.each([
    ['bad_room', '400 Bad Request', {}],
    ['unauthorized', '401 Unauthorized', { 'WWW-Authenticate': 'Bearer' }],
    ['forbidden', '403 Forbidden', {}],
    ['app.full', '403 Forbidden', {}],
    ['rate_limited', '429 Too Many Requests', { 'Retry-After': '2' }],
    ['internal', '500 Internal Server Error', {}],
    ['unavailable', '503 Service Unavailable', { 'Retry-After': '2' }],
  ])('for %s has the status and headers that go with it', (code, status, headers) => {
    const problem = problemOf(code, 'why')
    expect([problem.status, problem.headers]).toEqual([status, headers])
    const isTemporary = 'Retry-After' in headers
    expect(bodyOf(problem)).toEqual({
      type: 'about:blank',
      title: expect.any(String),
      status: Number.parseInt(status, 10),
      detail: 'why',
      code,
      temporary: isTemporary,
      ...(isTemporary && { retryAfterMs: 2_000 }),
    })
  })

  test('of a stream says when to come again, as the error that it is made of does', () => {
    const response = new FakeResponse()
    const socket = new SseSocket({
      response,
      rooms: new FollowedRooms(['a'], ''),
      topics: new Topics(),
      hardLimitBytes: 1_000,
      onWelcome: () => {},
      onDrain: () => {},
      onClose: () => {},
    })
    const error = { type: 'error', code: 'unavailable', message: 'not now', room: 'a', retryAfterMs: 4_100 }
    socket.send(JSON.stringify({ ...error, temporary: true }))
    socket.open()
    expect(response.problem?.headers).toEqual({ 'Retry-After': '5' })
    expect(bodyOf(response.problem!)).toMatchObject({ code: 'unavailable', room: 'a', retryAfterMs: 4_100 })
  })
})
