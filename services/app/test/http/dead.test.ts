import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { App } from '@roomway/app'
import { type Handle, plainApplication } from '@roomway/handlers'
import { commandRecord, deadRecord, homeOf } from '@roomway/records'
import { eventually } from '@roomway/testing'
import { command, json } from '../fixtures.js'
import { adminToken, ask, dataOf, embeddedBench, type HttpBench, publish } from './http-fixture.js'

interface Listed {
  readonly id: string
  readonly reason: string
}

describe('dead letters', () => {
  let bench: HttpBench
  let app: App

  beforeEach(async () => {
    bench = await embeddedBench()
  })

  afterEach(async () => {
    await bench.close()
  })

  const list = async (query = '') => (await ask(app, `/v1/dead${query}`)).body
  const letters = async (): Promise<Listed[]> => (await list()).letters

  /** Waits until so many letters are listed. */
  async function whenListed(count: number): Promise<Listed[]> {
    await eventually(async () => (await letters()).length >= count, 30_000, `${count} dead letters`)
    return letters()
  }

  const intake = async (key: string, value: Uint8Array, headers = {}) =>
    (await bench.broker.log('intake')).append([{ partition: 0, key, headers, value }])

  const bury = async (...buried: Parameters<typeof deadRecord>[]) =>
    (await bench.broker.log('dead')).append(buried.map((one) => deadRecord(...one)))

  const original = (offset: number, parts = {}) => ({
    partition: 0,
    offset,
    key: 'room:1',
    headers: {},
    value: json(1),
    timeMs: 1,
    ...parts,
  })

  test('are listed and shown with all that was kept', async () => {
    app = await bench.start()
    expect(await list()).toEqual({ letters: [], next: expect.any(String), more: false })
    await intake('room:1', Uint8Array.of(0x7b), { 'roomway-event': 'x' })
    const [letter] = await whenListed(1)
    expect(letter).toMatchObject({ reason: 'bad_json', log: 'intake', room: 'room:1', bytes: 1, isWhole: true })
    const { status, body } = await ask(app, `/v1/dead/${letter!.id}`)
    expect(status).toBe(200)
    expect(body).toEqual({ ...letter, headers: { 'roomway-event': 'x' }, data: '{' })
  })

  test('are listed page by page, those that were written twice once', async () => {
    app = await bench.start()
    const all = Array.from({ length: 25 }, (_, i) => [{ log: 'intake', epoch: 'e' }, original(i), `r${i}`] as const)
    await bury(...all.flatMap((one) => [[...one], [...one]] as Parameters<typeof deadRecord>[]))
    const reasons: string[] = []
    for (let from = ''; ; ) {
      const page = await list(`?limit=7${from}`)
      expect(page.letters.length).toBeLessThanOrEqual(7)
      reasons.push(...page.letters.map(({ reason }: Listed) => reason))
      if (!page.more) break
      from = `&from=${page.next}`
    }
    expect([...new Set(reasons)]).toEqual(all.map(([, , reason]) => reason))
  })

  test('are replayed into intake under the id they had, and listed no more, on any instance', async () => {
    app = await bench.start()
    await bury([
      { log: 'events', epoch: 'e' },
      original(3, { key: 'again', headers: { 'roomway-id': 'mine', 'roomway-event': 'e' } }),
      'home',
    ])
    const [letter] = await whenListed(1)
    const replay = await ask(app, `/v1/dead/${letter!.id}/replay`, { method: 'POST' })
    expect([replay.status, replay.body]).toEqual([200, { log: 'intake', id: 'mine' }])
    expect((await bench.whenShown('again', 1))[0]).toMatchObject({ id: 'mine', event: 'e' })
    expect(await letters()).toEqual([])
    const another = await bench.start()
    expect((await ask(another, '/v1/dead')).body.letters).toEqual([])
    expect((await ask(another, `/v1/dead/${letter!.id}/replay`, { method: 'POST' })).status).toBe(404)
  })

  test('get one id of the letter where they had none, however often they are replayed', async () => {
    app = await bench.start()
    await bury(
      [{ log: 'intake', epoch: 'e' }, original(3, { key: 'once' }), 'home'],
      [{ log: 'intake', epoch: 'e' }, original(3, { key: 'once' }), 'home'],
    )
    const [letter] = await whenListed(1)
    const another = await bench.start()
    const replays = await Promise.all(
      [app, another].map((one) => ask(one, `/v1/dead/${letter!.id}/replay`, { method: 'POST' })),
    )
    expect(replays.some(({ status }) => status === 200)).toBe(true)
    await publish(app, { room: 'once', data: 'marker' })
    await intake('once', json('moved'))
    const shown = await bench.whenShown('once', 3)
    expect(shown.filter(({ id }) => id === 'replay:dead:intake:e:0:3')).toHaveLength(1)
    expect(shown).toHaveLength(3)
  })

  test('run the handler of a failed command again, under another id, once', async () => {
    const decided: string[] = []
    const decide: Handle = ({ id }) => {
      decided.push(id)
      return { type: 'accept' }
    }
    app = await bench.start({ application: { ...plainApplication, decide } })
    const events = await bench.broker.log('events')
    const failed = command(1, { id: 's9:1', room: 'failed', after: { epoch: events.epoch, offset: -1 } })
    const { key, headers, value } = commandRecord(failed, homeOf('failed', 4))
    await bury([
      { log: 'commands', epoch: 'e' },
      original(8, { key, headers, value }),
      'handler_failed',
      'no such table',
    ])
    const [letter] = await whenListed(1)
    expect(letter).toMatchObject({ reason: 'handler_failed', detail: 'no such table', log: 'commands' })
    const replay = await ask(app, `/v1/dead/${letter!.id}/replay`, { method: 'POST' })
    expect(replay.body).toEqual({ log: 'commands', id: 'replay:dead:commands:e:0:8' })
    const [event] = await bench.whenShown('failed', 1)
    expect(event).toMatchObject({ id: 'replay:dead:commands:e:0:8', user: 'ann' })
    expect(dataOf(event!)).toEqual({ seq: 1 })
    expect(decided).toEqual(['replay:dead:commands:e:0:8'])
  })

  test.each([
    ['its data was cut', original(1, { value: new Uint8Array(900_001) }), /only a part was kept/],
    ['it names no room', original(1, { key: undefined }), /names no room/],
  ])('cannot be replayed where %s, and stay listed', async (_case, record, detail) => {
    app = await bench.start()
    await bury([{ log: 'intake', epoch: 'e' }, record, 'too_large'])
    const [letter] = await whenListed(1)
    const { status, body } = await ask(app, `/v1/dead/${letter!.id}/replay`, { method: 'POST' })
    expect([status, body.code]).toEqual([409, 'unsupported'])
    expect(body.detail).toMatch(detail)
    expect(await letters()).toHaveLength(1)
  })

  test('are dropped, and leave nothing but a note', async () => {
    app = await bench.start()
    await bury(
      [{ log: 'intake', epoch: 'e' }, original(1), 'bad_json'],
      [{ log: 'intake', epoch: 'e' }, original(2), 'other'],
    )
    const [first] = await whenListed(2)
    expect((await ask(app, `/v1/dead/${first!.id}`, { method: 'DELETE' })).status).toBe(204)
    expect((await letters()).map(({ reason }) => reason)).toEqual(['other'])
    expect((await ask(app, `/v1/dead/${first!.id}`)).status).toBe(404)
    expect((await ask(app, `/v1/dead/${first!.id}`, { method: 'DELETE' })).status).toBe(404)
  })

  test('are not found where none stands', async () => {
    app = await bench.start()
    await bury([{ log: 'intake', epoch: 'e' }, original(1), 'bad_json'])
    const [{ id } = { id: '' }] = await whenListed(1)
    const { status, body } = await ask(app, `/v1/dead/${id.replace(/:.*/, ':77')}`)
    expect([status, body.code]).toEqual([404, 'not_found'])
    const gone = await ask(app, '/v1/dead/another:0')
    expect([gone.status, gone.body.reason]).toEqual([410, 'epoch'])
    expect((await ask(app, '/v1/dead/nonsense')).status).toBe(400)
  })

  test('are for this machine only, and for whoever has the admin token where one is set', async () => {
    app = await bench.start()
    for (const name of ['x-forwarded-for', 'forwarded', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip', 'via']) {
      const headers = { [name]: '10.0.0.1' }
      expect((await ask(app, '/v1/dead', { headers })).status).toBe(403)
    }
    app = await bench.start({}, { ROOMWAY_ADMIN_TOKEN: adminToken })
    expect((await ask(app, '/v1/dead')).status).toBe(401)
    const authorization = `Bearer ${adminToken}`
    expect((await ask(app, '/v1/dead', { headers: { authorization } })).status).toBe(200)
    expect((await ask(app, '/v1/dead', { headers: { authorization: 'Bearer another' } })).status).toBe(401)
  })
})
