import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import type { Client } from '../src/index.js'
import { RoomwayProvider, useRoom } from '../src/react/index.js'
import { RoomMembership } from '../src/react/room-membership.js'
import { sharedRoom } from '../src/react/shared-room.js'
import { settled } from './fake-clock.js'
import type { FakeConnection } from './fake-server.js'
import { event, FakeServer } from './fake-server.js'

let server: FakeServer
let client: Client
let connection: FakeConnection
beforeEach(async () => {
  server = new FakeServer()
  client = server.client()
  connection = await server.welcome()
})
afterEach(() => server.close(client))

/** Adds up what comes, on top of the snapshot. */
const summing = (maxEvents = 100) =>
  new RoomMembership(client, 'r', {
    from: { snapshot: true },
    maxEvents,
    initial: (snapshot) => (snapshot as number | undefined) ?? 0,
    reduce: (sum, { data }) => (sum as number) + (data as number),
  })

/** Answers the join that was sent with a snapshot at an offset. */
async function snapshot(data: number, offset: number): Promise<void> {
  await settled()
  const { id, from } = connection.one('join')
  expect(from).toEqual({ snapshot: true })
  for (const { id: leave } of connection.take('leave')) connection.say({ type: 'ack', id: leave })
  connection.say({ type: 'snapshot', id, room: 'r', offset, data })
  connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset, replayed: 0 })
  await settled()
}

/** Until what a component that has gone leaves behind is done. */
const later = () => new Promise((resolve) => setTimeout(resolve, 1))

describe('a membership', () => {
  test('that ends and begins in one breath joins once', async () => {
    const membership = summing()
    membership.subscribe(() => undefined)()
    membership.subscribe(() => undefined)
    await later()
    await snapshot(5, 10)
    connection.say(event('r', 11, 10, 2))
    expect(membership.view()).toMatchObject({ status: 'joined', state: 7 })
    expect([connection.take('join'), connection.take('leave')]).toEqual([[], []])
  })

  test('that ends leaves the room, and nothing of it is kept', async () => {
    const off = summing().subscribe(() => undefined)
    await snapshot(5, 10)
    off()
    await later()
    expect(connection.one('leave')).toMatchObject({ room: 'r' })
    expect(client.room('r')).toBeUndefined()
    expect(sharedRoom(client, 'r')).toBeUndefined()
  })

  test('does not leave what the application had joined before', async () => {
    const joining = client.join('r')
    await settled()
    connection.say({ type: 'joined', id: connection.one('join').id, room: 'r', epoch: 'e1', offset: 10, replayed: 0 })
    const room = await joining
    const off = new RoomMembership(client, 'r', {}).subscribe(() => undefined)
    await settled()
    off()
    await later()
    expect(connection.take('leave')).toEqual([])
    expect(client.room('r')).toBe(room)
  })

  test('begins with the snapshot, and with another one after a reset', async () => {
    const membership = summing()
    membership.subscribe(() => undefined)
    await snapshot(5, 10)
    connection.say(event('r', 11, 10, 2))
    connection.say({ type: 'reset', room: 'r', epoch: 'e1', offset: 90, reason: 'expired' })
    await snapshot(100, 95)
    connection.say(event('r', 96, 95, 1))
    expect(membership.view()).toMatchObject({
      state: 101,
      events: [{ offset: 96 }],
      snapshot: { offset: 95 },
      reset: { offset: 90 },
    })
  })

  test('that comes later begins with what is kept; where that is not all, with another snapshot', async () => {
    const [first, second, third] = [summing(2), summing(2), summing(2)]
    first.subscribe(() => undefined)
    await snapshot(5, 10)
    connection.say(event('r', 11, 10, 1), event('r', 12, 11, 1))
    second.subscribe(() => undefined)
    expect([first.view().state, second.view().state]).toEqual([7, 7])
    connection.say(event('r', 13, 12, 1))
    third.subscribe(() => undefined)
    expect(third.view().status).toBe('joining')
    await snapshot(8, 13)
    connection.say(event('r', 14, 13, 1))
    expect([first, second, third].map((one) => one.view().state)).toEqual([9, 9, 9])
  })

  test('shows another view when something has changed, and only then', async () => {
    const membership = summing()
    let changes = 0
    membership.subscribe(() => changes++)
    await snapshot(5, 10)
    const before = membership.view()
    expect(membership.view()).toBe(before)
    connection.say({ type: 'progress', room: 'r', offset: 20 })
    expect(membership.view()).toBe(before)
    const count = changes
    connection.say(event('r', 21, 20, 1))
    expect(membership.view()).not.toBe(before)
    expect(before.events).toEqual([])
    expect(changes).toBe(count + 1)
  })

  test('of a room that was taken away is joined again by who asks for a snapshot, and is well then', async () => {
    const first = new RoomMembership(client, 'r', {})
    first.subscribe(() => undefined)
    await settled()
    const { id } = connection.one('join')
    connection.say({ type: 'joined', id, room: 'r', epoch: 'e1', offset: 9, replayed: 0 })
    connection.say({ type: 'left', room: 'r', reason: 'forbidden' })
    expect(first.view()).toMatchObject({ status: 'closed', error: { code: 'forbidden' } })
    const second = summing()
    second.subscribe(() => undefined)
    for (const { view } of [first, second]) expect(view()).toMatchObject({ status: 'joining', error: undefined })
    await snapshot(5, 10)
    expect(second.view()).toMatchObject({ status: 'joined', state: 5, error: undefined })
  })

  test('of a closed client is closed', async () => {
    const closing = client.close()
    await server.clock.advance(3000)
    await closing
    const membership = summing()
    membership.subscribe(() => undefined)
    await settled()
    expect(membership.view()).toMatchObject({ status: 'closed', error: { code: 'closed' } })
  })
})

test('on a server useRoom joins nothing, and shows a room that is being joined', async () => {
  const Panel = () => {
    const { status, state } = useRoom('r', { initial: () => 7, reduce: (sum: number) => sum })
    return `${status} ${state}`
  }
  expect(renderToString(createElement(RoomwayProvider, { client }, createElement(Panel)))).toBe('joining 7')
  await settled()
  expect(connection.take('join')).toEqual([])
  expect(() => renderToString(createElement(Panel))).toThrow('below no RoomwayProvider')
})
