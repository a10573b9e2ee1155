import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { signToken } from '@roomway/auth'
import { RawClient } from '../raw-client.js'
import { type OpenBroker, TestNodes } from '../test-nodes.js'

const secret = 'a secret of more than thirty-two bytes, for tests'
const env = { ROOMWAY_AUTH: 'jwt', ROOMWAY_JWT_SECRET: secret }
const json = 'roomway.v1.json'

function token(overrides: { secret?: string; ttlMs?: number; user?: string } = {}): Promise<string> {
  return signToken({
    secret: { reveal: () => overrides.secret ?? secret },
    user: overrides.user ?? 'ann',
    join: ['chat:*'],
    publish: ['user:{sub}'],
    ttlMs: overrides.ttlMs ?? 3_600_000,
  })
}

export function testGuarding(openBroker: OpenBroker): void {
  let nodes: TestNodes
  let port: number

  beforeEach(async () => {
    nodes = await TestNodes.open(openBroker)
    port = (await nodes.gateway(env)).port
  })
  afterEach(() => nodes.close())

  async function refusal(client: RawClient): Promise<{ code: string; close: number }> {
    const { code } = await client.next('error')
    return { code, close: (await client.closed).code }
  }

  describe('who may do what', () => {
    test.each(['header', 'cookie', 'subprotocol', 'first frame'])('a token by %s opens the connection', async (way) => {
      const jwt = await token()
      const client = new RawClient(port, {
        protocols: way === 'subprotocol' ? [json, `bearer.${jwt}`] : [json],
        headers:
          way === 'header'
            ? { authorization: `Bearer ${jwt}` }
            : way === 'cookie'
              ? { cookie: `roomway_token=${jwt}` }
              : {},
      })
      if (way === 'first frame') client.ws.on('open', () => client.send({ type: 'auth', id: 1, token: jwt }))
      expect(await client.welcome()).toMatchObject({ user: 'ann' })
      expect(client.ws.protocol).toBe(json)
      await client.close()
    })

    test('a forged token is refused by error and close', async () => {
      const forged = await token({ secret: 'another secret of more than thirty-two bytes!' })
      const client = new RawClient(port, { headers: { authorization: `Bearer ${forged}` } })
      expect(await refusal(client)).toEqual({ code: 'unauthorized', close: 4501 })
    })

    test('an expired token is refused as expired, so that the client fetches another', async () => {
      const expired = await token({ ttlMs: -3_600_000 })
      const client = new RawClient(port, { headers: { authorization: `Bearer ${expired}` } })
      expect(await refusal(client)).toEqual({ code: 'token_expired', close: 4002 })
    })

    test('a client without a token is refused at its first frame', async () => {
      const client = new RawClient(port)
      client.ws.on('open', () => client.send({ type: 'join', id: 1, room: 'chat:1' }))
      expect(await refusal(client)).toEqual({ code: 'unauthorized', close: 4501 })
    })

    test('a page of a foreign origin is refused even with a good token', async () => {
      const headers = { authorization: `Bearer ${await token()}`, origin: 'https://evil.example' }
      expect(await refusal(new RawClient(port, { headers }))).toEqual({ code: 'origin', close: 4502 })
    })

    test('a room outside the claim can be neither joined nor published to', async () => {
      const client = await RawClient.connect(port, { headers: { authorization: `Bearer ${await token()}` } })
      client.send({ type: 'join', id: 1, room: 'secret:1' })
      expect(await client.next('error', (frame) => frame.id === 1)).toMatchObject({
        code: 'forbidden',
        room: 'secret:1',
      })
      client.send({ type: 'publish', id: 2, room: 'chat:1', data: 1 })
      expect(await client.next('error', (frame) => frame.id === 2)).toMatchObject({ code: 'forbidden', room: 'chat:1' })
      await client.publish('user:ann', 1)
      await client.join('chat:1')
      await client.close()
    })

    test('a session is not resumed by another user', async () => {
      const ann = await RawClient.connect(port, { headers: { authorization: `Bearer ${await token()}` } })
      const { resumeToken } = await ann.welcome()
      const bob = await RawClient.connect(port, {
        headers: { authorization: `Bearer ${await token({ user: 'bob' })}` },
      })
      bob.send({ type: 'resume', id: 1, token: resumeToken, rooms: {} })
      expect(await bob.next('resumed')).toMatchObject({ recovered: false })
      await Promise.all([ann.close(), bob.close()])
    })

    test('a token that ends is announced, and a new one keeps the connection', async () => {
      const client = await RawClient.connect(port, {
        headers: { authorization: `Bearer ${await token({ ttlMs: 5_000 })}` },
      })
      await client.next('expiring')
      client.send({ type: 'auth', id: 8, token: await token() })
      await client.next('ack', (frame) => frame.id === 8)
      client.send({ type: 'auth', id: 9, token: await token({ user: 'bob' }) })
      expect(await client.next('error', (frame) => frame.id === 9)).toMatchObject({ code: 'unauthorized' })
      await client.close()
    })

    test('a token that is sent once more is not announced again: its client would answer at once', async () => {
      const same = await token({ ttlMs: 8_000 })
      const client = await RawClient.connect(port, { headers: { authorization: `Bearer ${same}` } })
      await client.next('expiring')
      client.send({ type: 'auth', id: 7, token: same })
      await client.next('ack', (frame) => frame.id === 7)
      client.send({ type: 'auth', id: 8, token: await token({ ttlMs: 20_000 }) })
      await client.next('expiring', ({ inMs }) => inMs > 15_000)
      expect(client.frames.items.filter(({ type }) => type === 'expiring')).toHaveLength(2)
      await client.close()
    })

    test('a new token that ends sooner ends the connection sooner', async () => {
      const client = await RawClient.connect(port, { headers: { authorization: `Bearer ${await token()}` } })
      client.send({ type: 'auth', id: 1, token: await token({ ttlMs: -2_000 }) }) // clocks may differ by some seconds
      await client.next('ack', (frame) => frame.id === 1)
      expect(await refusal(client)).toEqual({ code: 'token_expired', close: 4002 })
    })

    test('an unknown version of the protocol is refused before the upgrade', async () => {
      const client = new RawClient(port, { protocols: ['roomway.v9.json'] })
      const status = new Promise((resolve) =>
        client.ws.on('unexpected-response', (_, response) => resolve(response.statusCode)),
      )
      expect(await status).toBe(400)
    })
  })
}
