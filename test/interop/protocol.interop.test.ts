import { readFile } from 'node:fs/promises'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { InteropClient, languages } from './interop-client.js'
import { type ScriptedConnection, ScriptedServer } from './scripted-server.js'

const room = 'chat:1'
const limits = { maxPayloadBytes: 65_536, maxRooms: 100, publishesPerSecond: 50 }

const welcome = (resumeToken: string) => ({
  ...{ type: 'welcome', session: `session of ${resumeToken}`, resumeToken, resumeMs: 120_000, epoch: 'e1', offset: 3 },
  ...{ node: 'scripted', heartbeatMs: 25_000, limits },
})
const event = (offset: number, prev: number) => ({
  ...{ type: 'event', room, offset, prev, id: `e1:0:${offset}`, event: 'message', data: { offset }, time: 1 },
})
const joined = (id: number, offset: number) => ({ type: 'joined', id, room, epoch: 'e1', offset, replayed: 0 })

describe.each(languages)('a client in $name, written from the protocol document,', ({ command, source }) => {
  let words: readonly string[]
  let server: ScriptedServer
  let client: InteropClient

  beforeAll(async () => {
    words = await command()
  }, 300_000)
  beforeEach(async () => {
    server = await ScriptedServer.start()
    client = new InteropClient(words, room, [server.url])
  })
  afterEach(async () => {
    await client.kill()
    await server.close()
  })

  const offsets = async (count: number) => (await client.events.first(count, 15_000)).map(({ offset }) => offset)

  /** The client stands at offset 10 of the room. */
  async function started(): Promise<ScriptedConnection> {
    const connection = await server.connection(1)
    connection.say(welcome('token 1'))
    const { id } = await connection.next('join')
    connection.say(joined(id, 10))
    return connection
  }

  /** The n-th connection, and what was said to resume. */
  async function resuming(n: number) {
    const connection = await server.connection(n)
    connection.say(welcome(`token of connection ${n}`))
    return { connection, resume: await connection.next('resume') }
  }

  test('has fewer than 80 lines', async () => {
    const lines = (await readFile(source, 'utf8')).trimEnd().split('\n')
    expect(lines.length).toBeLessThan(80)
  })

  test('asks for the JSON format', async () => {
    expect((await started()).protocol).toBe('roomway.v1.json')
  })

  test('takes what comes next, drops what it has seen, and asks again, once, for what is missing', async () => {
    const connection = await started()
    connection.say(event(12, 9), event(12, 9), event(11, 9), event(20, 15), event(22, 20))
    const again = await connection.next('join', 2)
    expect(again.from).toEqual({ epoch: 'e1', offset: 12 })
    connection.say(event(15, 12), event(20, 15), event(22, 20), joined(again.id, 22), event(25, 22))
    expect(await offsets(5)).toEqual([12, 15, 20, 22, 25])
    expect(connection.frames.items.filter(({ type }) => type === 'join')).toHaveLength(2)
  })

  test('ignores members and types of frames that it does not know', async () => {
    const connection = await started()
    connection.say({ type: 'surprise', room, offset: 99 }, { ...event(12, 10), surprise: [1] })
    expect(await offsets(1)).toEqual([12])
  })

  test('resumes from where it stands, by the token, with a fresh number', async () => {
    const first = await started()
    first.say(event(12, 10), { type: 'progress', room, offset: 30 }, event(31, 29))
    await offsets(2)
    first.breakOff()
    const { connection, resume } = await resuming(2)
    expect(resume).toMatchObject({ token: 'token 1', rooms: { [room]: { epoch: 'e1', offset: 31 } } })
    expect(resume.id).toBeGreaterThan((await first.next('join')).id)
    connection.say(event(31, 29), event(33, 31), { ...joined(resume.id, 33), recovered: true })
    connection.say({ type: 'resumed', id: resume.id, session: 's', resumeToken: 'token 2', recovered: true })
    connection.say(event(40, 33))
    expect(await offsets(4)).toEqual([12, 31, 33, 40])
    connection.breakOff()
    expect((await resuming(3)).resume.token).toBe('token 2')
  })

  test('keeps what is said of its session apart from its room', async () => {
    const connection = await started()
    connection.say({ type: 'progress', room: '$session', offset: 60 }, event(12, 10))
    expect(await offsets(1)).toEqual([12])
  })

  test('goes on from the position that a reset gives, and says that something may be missing', async () => {
    const connection = await started()
    connection.say({ type: 'reset', room, epoch: 'e2', offset: 2, reason: 'epoch' })
    connection.say({ type: 'reset', room: '$session', epoch: 'e2', offset: 50, reason: 'epoch' }, event(3, 2))
    expect(await offsets(1)).toEqual([3])
    await client.note(/reset.*epoch/)
    connection.breakOff()
    expect((await resuming(2)).resume.rooms[room]).toEqual({ epoch: 'e2', offset: 3 })
  })

  test('sends a publish without an answer again, unchanged, with the position at its first sending', async () => {
    const first = await started()
    first.say(event(12, 10))
    await offsets(1)
    client.publish('one')
    client.publish('two')
    const sent = await first.next('publish')
    expect(sent).toEqual({ type: 'publish', id: sent.id, room, data: 'one' })
    first.say(event(14, 12))
    await offsets(2)
    first.breakOff()
    const { connection, resume } = await resuming(2)
    connection.say({ ...joined(resume.id, 14), recovered: true })
    connection.say({ type: 'resumed', id: resume.id, session: 's', resumeToken: 'token 2', recovered: true })
    expect(await connection.next('publish')).toEqual({ ...sent, after: { epoch: 'e1', offset: 12 } })
    connection.say({ type: 'ack', id: sent.id })
    const next = await connection.next('publish', 2)
    expect(next).toEqual({ type: 'publish', id: next.id, room, data: 'two' })
    expect(next.id).toBeGreaterThan(resume.id)
  })

  test('says that an outcome is unknown where the session was not recovered, and sends no repeat', async () => {
    const first = await started()
    client.publish('one')
    client.publish('two')
    await first.next('publish')
    first.breakOff()
    const { connection, resume } = await resuming(2)
    connection.say({ ...joined(resume.id, 10), recovered: true })
    connection.say({ type: 'resumed', id: resume.id, session: 's', resumeToken: 'token 2', recovered: false })
    await client.note(/unknown one$/)
    expect(await connection.next('publish')).toMatchObject({ data: 'two' })
  })

  test('reports a refused publish and goes on with the next', async () => {
    const connection = await started()
    client.publish('one')
    client.publish('two')
    const { id } = await connection.next('publish')
    connection.say({ type: 'error', id, room, code: 'forbidden', message: 'no', temporary: false })
    await client.note(/forbidden one$/)
    expect(await connection.next('publish', 2)).toMatchObject({ data: 'two' })
  })

  test('does not reconnect after a close that says so', async () => {
    ;(await started()).close(4503)
    await client.exited
  })
})
