import { describe, expect, jest, test } from '@jest/globals'
import { eventually } from '@roomway/testing'
import type { Connection } from '../src/connection/connection.js'
import { JoinLimit } from '../src/connection/join-limit.js'
import { FakeNode } from './fake-node.js'

const [one, other] = [{} as Connection, {} as Connection]

describe('the rooms that a connection may ask for', () => {
  test('are counted for each, and what is refused does not count', () => {
    const limit = new JoinLimit({ most: 10 })
    expect(limit.take(one, 9)).toBeUndefined()
    expect(limit.take(one, 2)).toBeGreaterThan(0)
    expect(limit.take(one, 1)).toBeUndefined()
    expect(limit.take(one, 1)).toBeLessThanOrEqual(5_000)
    expect(limit.take(other, 10)).toBeUndefined()
    limit.close()
  })

  test('are forgotten with the connection, which would take its memory for seconds else', async () => {
    const limit = new JoinLimit({ most: 1 })
    limit.take(one, 1)
    limit.forget(one)
    expect(limit.take(one, 1)).toBeUndefined()
    limit.close()
    const forget = jest.spyOn(JoinLimit.prototype, 'forget')
    const fake = await FakeNode.open()
    const { guest } = await fake.connect()
    const connection = guest.connection!
    fake.node.reception.onClose(guest)
    expect(forget).toHaveBeenCalledWith(connection)
    forget.mockRestore()
    await fake.close()
  })

  test('are as many again when the time is over that a refusal names', async () => {
    const limit = new JoinLimit({ most: 1, periodMs: 30 })
    limit.take(one, 1)
    expect(limit.take(one, 1)).toBeLessThanOrEqual(30)
    await eventually(() => limit.take(one, 1) === undefined, 10_000, 'the next period')
    limit.close()
  })

  test('are three thousand: joins and resumes beyond are refused for a while, with their ids, and leaves are not', async () => {
    const fake = await FakeNode.open()
    const client = await fake.connect()
    for (let id = 1; id <= 2_998; id++) fake.send(client, { type: 'join', id, room: 'chat:1' })
    fake.send(client, { type: 'resume', id: 3_001, token: 'none', rooms: { 'chat:1': { epoch: 'e1', offset: -1 } } })
    expect(client.socket.frames.at(-1)).toMatchObject({ type: 'resumed', id: 3_001 })
    fake.send(client, { type: 'join', id: 3_002, room: 'chat:2' })
    const refused = { type: 'error', code: 'rate_limited', temporary: true }
    expect(client.socket.frames.at(-1)).toMatchObject({ ...refused, id: 3_002, room: 'chat:2' })
    fake.send(client, { type: 'resume', id: 3_003, token: 'none', rooms: {} })
    expect(client.socket.frames.at(-1)).toMatchObject({ ...refused, id: 3_003 })
    fake.send(client, { type: 'leave', id: 3_004, room: 'chat:1' })
    expect(client.socket.frames.at(-1)).toEqual({ type: 'ack', id: 3_004 })
    await fake.close()
  })
})
