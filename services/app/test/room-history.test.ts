import { expect, test } from '@jest/globals'
import type { Log } from '@roomway/broker'
import { RoomDirectory } from '@roomway/records'
import { openRoomHistory } from '../src/history/room-history.js'
import { room } from './fixtures.js'

test('The log of a room is of the epoch in which it was opened: in another one the room may live in another partition', async () => {
  let epoch = 'e1'
  const events = {
    get epoch() {
      return epoch
    },
    start: async () => 0,
    end: async () => 0,
    read: async () => 0,
  } as unknown as Log
  const history = openRoomHistory({ events, directory: () => new RoomDirectory(2) }, room)
  const end = await history.end()
  expect(end).toEqual({ epoch, offset: -1 })
  epoch = 'another'
  await expect(history.end()).rejects.toMatchObject({ reason: 'epoch' })
  const to = { epoch, offset: 5 }
  await expect(history.read(undefined, to, () => undefined)).rejects.toMatchObject({ reason: 'epoch' })
})
