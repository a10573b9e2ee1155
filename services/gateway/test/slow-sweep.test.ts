import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { turns } from './fake-broker.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const softLimit = 4_096
const hardLimit = 65_536
const nearLimit = 6_144
const record = (room: string, n: number) => ({
  partition: 0,
  key: room,
  headers: {},
  value: Buffer.from(JSON.stringify({ n })),
})

describe('a socket that takes nothing', () => {
  let fake: FakeNode
  let slow: FakeClient

  async function open(hardBufferBytes: number): Promise<void> {
    fake = await FakeNode.open({
      ROOMWAY_SOFT_BUFFER_BYTES: String(softLimit),
      ROOMWAY_HARD_BUFFER_BYTES: String(hardBufferBytes),
      ROOMWAY_MAX_SNAPSHOT_BYTES: '1024',
      ROOMWAY_MAX_PAYLOAD_BYTES: '1024',
      ROOMWAY_MAX_ROOMS_PER_CONNECTION: '1000',
    })
    slow = await fake.connect()
    slow.socket.isPaused = true
  }

  beforeEach(() => open(hardLimit))
  afterEach(() => fake.close())

  async function joinAndPublish(rooms: number, eventsEach: number, waitingBytes = 0): Promise<void> {
    for (let n = 0; n < rooms; n++) fake.send(slow, { type: 'join', id: n + 1, room: `chat:${n}` })
    await turns(2)
    slow.socket.buffered = waitingBytes
    for (let n = 0; n < eventsEach; n++) {
      await fake.broker.events.append(Array.from({ length: rooms }, (_, room) => record(`chat:${room}`, n)))
      await turns(1)
    }
  }

  test('leaves a busy room when little more than the soft limit waits for it', async () => {
    await joinAndPublish(1, 500)
    expect(slow.socket.buffered).toBeGreaterThan(softLimit)
    expect(slow.socket.buffered).toBeLessThan(3 * softLimit)
  })

  test('leaves all of many quiet rooms before frames would be dropped, however little each publishes', async () => {
    await joinAndPublish(600, 2)
    expect(slow.socket.buffered).toBeGreaterThan(softLimit)
    expect(slow.socket.buffered).toBeLessThan(hardLimit)
  })

  test('leaves them in time where the limits lie close together', async () => {
    await fake.close()
    await open(nearLimit)
    await joinAndPublish(600, 2, softLimit)
    expect(slow.socket.buffered).toBeGreaterThan(softLimit)
    expect(slow.socket.buffered).toBeLessThan(nearLimit)
  })

  test('gets what it missed when it takes again, each event once', async () => {
    await joinAndPublish(1, 500)
    fake.drain(slow)
    await turns(50)
    expect(slow.socket.events('chat:0')).toHaveLength(500)
  })
})
