import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Client, connect, type RoomEvent } from '@roomway/client'
import { freePorts, type NodeProcess, Recorder, spawnNode } from '@roomway/testing'
import { WebSocket } from 'ws'
import type app from '../src/chat-handlers.js'

const patienceMs = 30_000
let dataDir: string
let roomway: NodeProcess
let client: Client<typeof app>
let bob: Client<typeof app>

beforeAll(async () => {
  const [gateway, appPort, page, admin] = (await freePorts(4)).map(String)
  dataDir = await mkdtemp(join(tmpdir(), 'roomway-chat-'))
  const env = {
    ROOMWAY_DATA_DIR: dataDir,
    ROOMWAY_GATEWAY_PORT: gateway!,
    ROOMWAY_APP_PORT: appPort!,
    ROOMWAY_CONSOLE_PORT: page!,
    ROOMWAY_ADMIN_PORT: admin!,
    ROOMWAY_JWT_SECRET: 'a secret of at least thirty-two bytes',
  }
  const handlers = join(import.meta.dirname, '../src/chat-handlers.ts')
  const args = ['start', '--json', '--handlers', handlers]
  roomway = await spawnNode('services/cli/test/roomway.ts', { args, env })
  await roomway.line(/"page"/, patienceMs)
  const connectAs = async (user: string) => {
    const token = await tokenOf(user, env)
    return connect<typeof app>(`ws://127.0.0.1:${gateway}`, { webSocket: WebSocket, token })
  }
  ;[client, bob] = await Promise.all([connectAs('ann'), connectAs('bob')])
}, 90_000)

async function tokenOf(user: string, env: Record<string, string>): Promise<string> {
  const args = ['token', '--sub', user, '--join', '**', '--publish', '**']
  const spawned = await spawnNode('services/cli/test/roomway.ts', { args, env })
  const [token] = await spawned.line(/^eyJ\S+$/, patienceMs)
  await spawned.close()
  return token
}

afterAll(async () => {
  await client?.close()
  await bob?.close()
  await roomway?.close()
  await rm(dataDir, { recursive: true, force: true })
})

test('a chat with handlers answers, mentions, cleans up what was said, and refuses spam', async () => {
  const [room, own] = await Promise.all([client.join('chat:tea'), bob.join(`user:${'bob' as string}`)])
  const events = new Recorder<RoomEvent<{ message: { text: string } }>>()
  const mentions = new Recorder<unknown>()
  room.on('event', (event) => events.push(event))
  own.on('event', ({ event, data }) => mentions.push([event, data]))

  const answer = await room.request('message', { text: '  tea, @bob?  ' })
  expect(answer.mentioned).toEqual(['bob'])
  await mentions.first(1, patienceMs)
  expect(mentions.items).toEqual([['mention', { room: 'chat:tea', text: 'tea, @bob?' }]])

  await expect(room.request('message', { text: 'free money!' })).rejects.toMatchObject({
    code: 'app.spam',
    message: 'this is not the place for it',
  })
  await expect(room.request('message', { text: ' ' })).rejects.toMatchObject({ code: 'app.invalid_event' })
  // @ts-expect-error the application has no such event
  await expect(room.request('shout', { text: 'hey' })).rejects.toMatchObject({ code: 'app.unknown_event' })
  await expect(client.request('user:bob', 'mention', {})).rejects.toMatchObject({ code: 'forbidden' })

  const { id } = await room.publish('message', { text: 'the end' })
  await events.find((event) => event.id === id, patienceMs)
  expect(events.items.map(({ data, isOwn }) => [data.text, isOwn])).toEqual([
    ['tea, @bob?', true],
    ['the end', true],
  ])
})

test('its rooms have a state to begin with, cursors go past it, and a user’s room is the user’s', async () => {
  for (const text of ['one', 'two']) await client.request('chat:state', 'message', { text })
  const room = await bob.join('chat:state', { from: { snapshot: true } })
  expect(room.snapshot?.data).toEqual({ messages: 2, last: [{ text: 'one' }, { text: 'two' }] })
  await client.publish('chat:state', 'message', { text: 'three' })
  for await (const { data, isOwn } of room) {
    expect([data.text, isOwn]).toEqual(['three', false])
    break
  }
  const cursor = await client.join('cursor:1')
  await cursor.publish('move', { x: 1 })
  for await (const { event, data, isOwn } of cursor) {
    expect([event, data, isOwn]).toEqual(['move', { x: 1 }, true])
    break
  }
  await expect(cursor.request('move', { x: 2 })).rejects.toMatchObject({ code: 'unsupported' })
  await expect(client.join('user:bob')).rejects.toMatchObject({ code: 'forbidden' })
})
