import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { exportJWK, exportSPKI, generateKeyPair, type JWK, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { AuthError, createAuthenticator, signToken } from '../src/index.js'

const SECRET = 'a-secret-of-at-least-thirty-two-bytes!'
const secret = { reveal: () => SECRET }
const base = { kind: 'jwt', issuer: 'https://id', audience: 'roomway', clockSkewMs: 2000 } as const
const bySecret = createAuthenticator({ ...base, key: { kind: 'secret', secret } })
const inOneHour = () => Math.floor(Date.now() / 1000) + 3600
const good = (): JWTPayload => ({
  sub: 'ann',
  iss: 'https://id',
  aud: 'roomway',
  exp: inOneHour(),
  roomway: { join: ['chat:*'] },
})

function without(claim: 'aud' | 'sub' | 'roomway'): JWTPayload {
  const claims = good()
  delete claims[claim]
  return claims
}

function hs(claims: JWTPayload, key = SECRET, alg = 'HS256'): Promise<string> {
  return new SignJWT(claims).setProtectedHeader({ alg }).sign(Buffer.from(key))
}

async function refusal(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  const error: unknown = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!(error instanceof AuthError)) throw new Error(`no AuthError but ${String(error)}`)
  return { code: error.code, message: error.message }
}

describe('with authentication off', () => {
  test('everyone may do everything in the rooms of users, with or without a token', async () => {
    const { user, expiresAtMs, grants } = await createAuthenticator({ kind: 'none' }).authenticate('rubbish')
    expect([user, expiresAtMs]).toEqual([undefined, undefined])
    expect([grants.mayJoin('a:b'), grants.mayPublish('a:b'), grants.mayPresence('a:b')]).toEqual([true, true, true])
    expect([grants.mayJoin('$session:1'), grants.mayPublish('$session:1')]).toEqual([false, false])
  })
})

describe('with a secret', () => {
  test('a token says who it is, until when, and what is allowed; what is absent is not allowed', async () => {
    const claims = { ...good(), roomway: { join: ['chat:*', 'user:{sub}'], publish: ['user:{sub}'] } }
    const { user, expiresAtMs, grants } = await bySecret.authenticate(await hs(claims))
    expect(user).toBe('ann')
    expect(expiresAtMs).toBe(claims.exp! * 1000 + 2000)
    expect([grants.mayJoin('chat:1'), grants.mayJoin('user:ann'), grants.mayJoin('user:bob')]).toEqual([
      true,
      true,
      false,
    ])
    expect([grants.mayPublish('user:ann'), grants.mayPublish('chat:1'), grants.mayPresence('chat:1')]).toEqual([
      true,
      false,
      false,
    ])
  })

  test('a token without the claim may connect and do nothing', async () => {
    const { grants } = await bySecret.authenticate(await hs(without('roomway')))
    expect([grants.mayJoin('chat:1'), grants.mayPublish('chat:1')]).toEqual([false, false])
  })

  test('HS384 and HS512 do too, and what signToken signs', async () => {
    const longSecret = { reveal: () => SECRET.repeat(2) }
    const byLongSecret = createAuthenticator({ ...base, key: { kind: 'secret', secret: longSecret } })
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      expect((await byLongSecret.authenticate(await hs(good(), SECRET.repeat(2), alg))).user).toBe('ann')
    }
    const { issuer, audience } = base
    const token = await signToken({ secret, user: 'bob', join: ['**'], ttlMs: 60_000, issuer, audience })
    const identity = await bySecret.authenticate(token)
    expect([identity.user, identity.grants.mayJoin('a:b'), identity.grants.mayPublish('a:b')]).toEqual([
      'bob',
      true,
      false,
    ])
  })

  test.each<[string, () => string | undefined | Promise<string>, string, RegExp]>([
    ['none at all', () => undefined, 'unauthorized', /a token is needed/],
    ['an empty one', () => '', 'unauthorized', /a token is needed/],
    ['rubbish', () => 'a.b.c', 'unauthorized', /not valid/],
    ['an enormous one', () => 'a'.repeat(20_000), 'unauthorized', /too long/],
    ['a forged one', () => hs(good(), `${SECRET}x`), 'unauthorized', /not valid/],
    ['one whose claims were changed', async () => changeClaims(await hs(good())), 'unauthorized', /not valid/],
    ['one without a signature (alg none)', () => new UnsecuredJWT(good()).encode(), 'unauthorized', /not valid/],
    ['an expired one', () => hs({ ...good(), exp: inOneHour() - 3605 }), 'token_expired', /has expired/],
    ['one that is not valid yet', () => hs({ ...good(), nbf: inOneHour() }), 'unauthorized', /nbf/],
    ['one for another audience', () => hs({ ...good(), aud: 'bank' }), 'unauthorized', /aud/],
    ['one of another issuer', () => hs({ ...good(), iss: 'https://evil' }), 'unauthorized', /iss/],
    ['one without an audience', () => hs(without('aud')), 'unauthorized', /aud/],
    ['one without a user', () => hs(without('sub')), 'unauthorized', /sub/],
    ['one with an empty user', () => hs({ ...good(), sub: '' }), 'unauthorized', /sub/],
    ['one with a control character in its user', () => hs({ ...good(), sub: 'ann\n' }), 'unauthorized', /sub/],
    [
      'one whose patterns are no list',
      () => hs({ ...good(), roomway: { join: 'chat:*' } }),
      'unauthorized',
      /join is not a list/,
    ],
    ['one whose claim is no object', () => hs({ ...good(), roomway: ['chat:*'] }), 'unauthorized', /not an object/],
    ['one with an impossible pattern', () => hs({ ...good(), roomway: { join: ['a*'] } }), 'unauthorized', /a\*/],
    [
      'one with endless patterns',
      () => hs({ ...good(), roomway: { join: Array(300).fill('a') } }),
      'unauthorized',
      /more than 256/,
    ],
  ])('refuses %s', async (_name, token, code, message) => {
    expect(await refusal(bySecret.authenticate(await token()))).toEqual({
      code,
      message: expect.stringMatching(message),
    })
  })

  test('takes a token that expired within the clock skew', async () => {
    expect((await bySecret.authenticate(await hs({ ...good(), exp: inOneHour() - 3600 }))).user).toBe('ann')
  })
})

function changeClaims(token: string): string {
  const [header, claims, signature] = token.split('.')
  const changed = { ...(JSON.parse(Buffer.from(claims!, 'base64url').toString()) as object), sub: 'root' }
  return [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
}

describe('with a key set', () => {
  let server: Server
  let keys: JWK[]
  let status: number
  let fetches: number
  let url: string

  beforeEach(async () => {
    keys = []
    status = 200
    fetches = 0
    server = createServer((_request, response) => {
      fetches++
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
  })

  afterEach(async () => {
    jest.restoreAllMocks()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  const byKeySet = () => createAuthenticator({ ...base, key: { kind: 'jwks', url } })

  async function signer(alg: string, kid?: string) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    const jwk = { ...(await exportJWK(publicKey)), alg, ...(kid === undefined ? {} : { kid }) }
    const header = { alg, ...(kid === undefined ? {} : { kid }) }
    return { jwk, publicKey, sign: () => new SignJWT(good()).setProtectedHeader(header).sign(privateKey) }
  }

  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('takes %s, and fetches the keys once', async (alg) => {
    const { jwk, sign } = await signer(alg, '1')
    keys = [jwk]
    const authenticator = byKeySet()
    for (let i = 0; i < 3; i++) expect((await authenticator.authenticate(await sign())).user).toBe('ann')
    expect(fetches).toBe(1)
  })

  test('refuses a token signed with HS by the public key, in every form of it', async () => {
    const { jwk, publicKey } = await signer('RS256', '1')
    keys = [jwk]
    const authenticator = byKeySet()
    for (const text of [await exportSPKI(publicKey), JSON.stringify(jwk), jwk.n!]) {
      const token = await new SignJWT(good()).setProtectedHeader({ alg: 'HS256', kid: '1' }).sign(Buffer.from(text))
      expect(await refusal(authenticator.authenticate(token))).toMatchObject({ code: 'unauthorized' })
    }
  })

  test('refuses HS even where the set holds a secret key, and a key of the token’s own', async () => {
    keys = [{ kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), alg: 'HS256', kid: '1' }]
    const token = await new SignJWT(good()).setProtectedHeader({ alg: 'HS256', kid: '1' }).sign(Buffer.from(SECRET))
    expect(await refusal(byKeySet().authenticate(token))).toMatchObject({ code: 'unauthorized' })
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
    const own = await new SignJWT(good())
      .setProtectedHeader({ alg: 'ES256', jwk: await exportJWK(publicKey) })
      .sign(privateKey)
    expect(await refusal(byKeySet().authenticate(own))).toMatchObject({ code: 'unauthorized' })
  })

  test('a secret refuses RS: which key there is decides which algorithms there are', async () => {
    const { sign } = await signer('RS256')
    expect(await refusal(bySecret.authenticate(await sign()))).toMatchObject({ code: 'unauthorized' })
  })

  test('picks up a new key, and does not ask again for every unknown one', async () => {
    const [first, second, stranger] = [
      await signer('ES256', '1'),
      await signer('ES256', '2'),
      await signer('ES256', '3'),
    ]
    keys = [first.jwk]
    const authenticator = byKeySet()
    await authenticator.authenticate(await first.sign())
    keys = [first.jwk, second.jwk]
    expect(await refusal(authenticator.authenticate(await second.sign()))).toMatchObject({ code: 'unauthorized' })
    expect(fetches).toBe(1)
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 31_000)
    expect((await authenticator.authenticate(await second.sign())).user).toBe('ann')
    for (let i = 0; i < 5; i++) await refusal(authenticator.authenticate(await stranger.sign()))
    expect(fetches).toBe(2)
  })

  test('tries every key that fits where the token names none', async () => {
    const [first, second] = [await signer('ES256'), await signer('ES256')]
    keys = [first.jwk, second.jwk]
    const authenticator = byKeySet()
    expect((await authenticator.authenticate(await second.sign())).user).toBe('ann')
    const stranger = await signer('ES256')
    expect(await refusal(authenticator.authenticate(await stranger.sign()))).toMatchObject({ code: 'unauthorized' })
  })

  test('says unavailable, not unauthorized, where the keys cannot be fetched', async () => {
    const { sign } = await signer('ES256', '1')
    status = 500
    expect(await refusal(byKeySet().authenticate(await sign()))).toMatchObject({ code: 'unavailable' })
    const nowhere = createAuthenticator({ ...base, key: { kind: 'jwks', url: 'http://127.0.0.1:1/keys' } })
    expect(await refusal(nowhere.authenticate(await sign()))).toMatchObject({ code: 'unavailable' })
  })
})
