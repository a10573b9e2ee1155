import { describe, expect, test } from '@jest/globals'
import { createLogger } from '../src/index.js'

function logged(write: (logger: ReturnType<typeof createLogger>) => void): string[] {
  const lines: string[] = []
  write(createLogger('gateway', 'info', { write: (line) => void lines.push(line) }))
  return lines
}

describe('a logger', () => {
  test('writes one JSON line with its name, level, time and fields, at its level and above', () => {
    const lines = logged((logger) => {
      logger.debug({}, 'unseen')
      logger.warn({ room: 'chat:1', connection: 7 }, 'slow')
    })
    expect(lines).toHaveLength(1)
    const line = JSON.parse(lines[0]!) as Record<string, unknown>
    expect(line).toMatchObject({ name: 'gateway', level: 'warn', room: 'chat:1', connection: 7, msg: 'slow' })
    expect(Date.parse(line.time as string)).not.toBeNaN()
    expect(Object.keys(line).toSorted()).toEqual(['connection', 'level', 'msg', 'name', 'room', 'time'])
  })

  test('hides fields that hold secrets, at any of three depths', () => {
    const fields = { token: 'hunter2', resumeToken: 'hunter2', password: 'hunter2', secret: 'hunter2' }
    const headers = { authorization: 'hunter2', cookie: 'hunter2', 'sec-websocket-protocol': 'hunter2' }
    const text = logged((logger) => logger.info({ ...fields, ...headers, a: { ...fields, headers } }, 'in')).join()
    expect(text).not.toContain('hunter2')
    expect(text).toContain('[secret]')
  })

  test('hides what looks like a secret inside texts and errors', () => {
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl'
    const text = logged((logger) => {
      logger.info({ url: 'amqp://ann:hunter2%40@host:5672/v' }, `GET /v1/ws?x=${jwt}`)
      logger.info(
        { err: new Error('connect amqps://ann:hunter2@host failed') },
        'Authorization: Bearer hunter2-0123456789',
      )
      logger.info({ protocols: `roomway.v1.json, bearer.${jwt}` }, 'upgrade')
    }).join()
    expect(text).not.toMatch(/hunter2|eyJzdWIi/)
    expect(text).toContain('amqp://ann:[secret]@host:5672/v')
  })

  test('leaves other texts as they are', () => {
    const message = 'listening on http://127.0.0.1:8080/v1/ws; the bearer token is missing; write to ann@example.com'
    expect(JSON.parse(logged((logger) => logger.info({}, message))[0]!)).toMatchObject({ msg: message })
  })
})
