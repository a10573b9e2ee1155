import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { App } from '@roomway/app'
import { deadRecord } from '@roomway/records'
import { json } from '../fixtures.js'
import { type Answer, ask, bearer, dataOf, type HttpBench, publish, secret } from './http-fixture.js'

const keyed = (key: string) => ({ 'idempotency-key': key })

/** What HTTP promises, `Idempotency-Key` above all, with two instances on one broker. */
export function testHttp(name: string, open: () => Promise<HttpBench>): void {
  describe(`HTTP on ${name}`, () => {
    let bench: HttpBench
    let apps: App[]

    beforeAll(async () => {
      bench = await open()
      apps = [await bench.start(), await bench.start()]
    }, 120_000)

    afterAll(async () => {
      await bench?.close()
    }, 60_000)

    /** What a room shows once a marker that was published behind all else is shown. */
    async function shownIn(room: string, count: number) {
      await publish(apps[0]!, { room, data: 'marker' })
      const shown = await bench.whenShown(room, count + 1)
      expect(shown.map(dataOf).at(-1)).toBe('marker')
      return shown.slice(0, -1)
    }

    const idsOf = (answers: readonly Answer[]) => new Set(answers.map(({ body }) => body.id))

    test('publishes once what is published fifty times at once, by both instances', async () => {
      const body = { room: 'fifty', data: { n: 1 } }
      const requests = Array.from({ length: 50 }, (_, i) => publish(apps[i % 2]!, body, keyed('fifty')))
      const answers = await Promise.all(requests)
      expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(201))
      const ids = idsOf(answers)
      expect(ids.size).toBe(1)
      const shown = await shownIn('fifty', 1)
      expect(shown.map(({ id }) => id)).toEqual([...ids])
    })

    test('publishes each event of a batch once', async () => {
      const body = { events: [1, 2, 3].map((n) => ({ room: `batch`, data: n })) }
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => publish(apps[i % 2]!, body, keyed('batch'))),
      )
      expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
      expect((await shownIn('batch', 3)).map(dataOf)).toEqual([1, 2, 3])
    })

    test('refuses the key with another body, on both instances', async () => {
      const first = await publish(apps[0]!, { room: 'other', data: 1 }, keyed('other'))
      expect(first.status).toBe(201)
      for (const app of apps) {
        const { status, body } = await publish(app, { room: 'other', data: 2 }, keyed('other'))
        expect([status, body.code]).toEqual([422, 'key_reused'])
      }
      expect((await shownIn('other', 1)).map(dataOf)).toEqual([1])
    })

    test('remembers the key when an instance is started anew', async () => {
      const body = { room: 'again', data: 1 }
      const first = await publish(apps[1]!, body, keyed('again'))
      await bench.stop(apps[1]!)
      apps[1] = await bench.start()
      const second = await publish(apps[1]!, body, keyed('again'))
      expect([second.status, second.body]).toEqual([201, first.body])
      expect(await shownIn('again', 1)).toHaveLength(1)
    })

    test('publishes each time without a key, and for another key', async () => {
      const body = { room: 'free', data: 1 }
      const headers = [{}, {}, keyed('free:1'), keyed('free:2')]
      const answers = await Promise.all(headers.map((one) => publish(apps[0]!, body, one)))
      expect(idsOf(answers).size).toBe(4)
      expect(await shownIn('free', 4)).toHaveLength(4)
    })

    test('takes no key that is none', async () => {
      const answer = await ask(apps[0]!, '/v1/events', { body: { room: 'a', data: 1 }, headers: keyed('é') })
      expect([answer.status, answer.body.code]).toEqual([400, 'bad_request'])
    })

    test('keeps the keys of users apart', async () => {
      const guarded = await bench.start({}, { ROOMWAY_JWT_SECRET: secret })
      const ids = new Set<string>()
      for (const user of ['ann', 'bob']) {
        const token = await bearer(user, { publish: ['**'] })
        ids.add((await publish(guarded, { room: 'users', data: user }, { ...token, ...keyed('users') })).body.id)
      }
      expect(ids.size).toBe(2)
      expect((await shownIn('users', 2)).map(({ user }) => user)).toEqual(['ann', 'bob'])
    })

    test('gives the past of a room page by page, from whichever instance', async () => {
      const events = Array.from({ length: 30 }, (_, i) => ({ room: i % 3 === 0 ? 'past' : `past:${i}`, data: i }))
      await publish(apps[0]!, { events })
      await bench.whenShown('past', 10)
      const data: unknown[] = []
      for (let from = '', page = 0; ; page++) {
        const { status, body } = await ask(apps[page % 2]!, `/v1/events?room=past&limit=4${from}`)
        expect(status).toBe(200)
        data.push(...body.events.map((event: { data: unknown }) => event.data))
        if (!body.more) break
        from = `&from=${body.next}`
      }
      expect(data).toEqual([0, 3, 6, 9, 12, 15, 18, 21, 24, 27])
    })

    test('lists a record that was set aside, replays it, and lists it no more', async () => {
      const dead = await bench.broker.log('dead')
      const original = { partition: 0, offset: 3, key: 'replayed', headers: {}, value: json('again'), timeMs: 1 }
      await dead.append([deadRecord({ log: 'events', epoch: 'e' }, original, 'home')])
      const { body } = await ask(apps[0]!, '/v1/dead')
      expect(body).toMatchObject({ letters: [{ reason: 'home', room: 'replayed' }], more: false })
      const replay = await ask(apps[0]!, `/v1/dead/${body.letters[0].id}/replay`, { method: 'POST' })
      expect(replay.status).toBe(200)
      expect((await bench.whenShown('replayed', 1)).map(dataOf)).toEqual(['again'])
      expect((await ask(apps[1]!, '/v1/dead')).body.letters).toEqual([])
    })
  })
}
