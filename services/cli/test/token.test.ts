import { describe, expect, test } from '@jest/globals'
import { createAuthenticator } from '@roomway/auth'
import { Secret } from '@roomway/config'
import { roomway } from './command-line.js'

const secret = 'a secret of at least thirty-two bytes'
const env = { ROOMWAY_JWT_SECRET: secret, ROOMWAY_JWT_ISSUER: 'tests' }

function authenticator() {
  return createAuthenticator({
    kind: 'jwt',
    key: { kind: 'secret', secret: new Secret(secret) },
    issuer: 'tests',
    audience: undefined,
    clockSkewMs: 0,
  })
}

describe('roomway token', () => {
  test('signs what the gateway accepts, with the rooms that were named and no others', async () => {
    const argv = [
      'token',
      '--sub',
      'ann',
      '--join',
      'chat:*',
      'user:{sub}:**',
      '--publish',
      'chat:lobby',
      '--ttl',
      '60',
    ]
    const { code, stdout } = await roomway(argv, env)
    expect(code).toBe(0)
    const { user, grants, expiresAtMs } = await authenticator().authenticate(stdout.trim())
    expect(user).toBe('ann')
    expect(['chat:1', 'user:ann:mail', 'user:bob:mail'].map((room) => grants.mayJoin(room))).toEqual([
      true,
      true,
      false,
    ])
    expect(['chat:lobby', 'chat:1'].map((room) => grants.mayPublish(room))).toEqual([true, false])
    expect(expiresAtMs! - Date.now()).toBeGreaterThan(50_000)
    expect(expiresAtMs! - Date.now()).toBeLessThanOrEqual(60_000)
  })

  test('prints an object where --json is given', async () => {
    const { stdout } = await roomway(['token', '--sub', 'ann', '--json'], env)
    expect(JSON.parse(stdout)).toEqual({ token: expect.any(String), user: 'ann', expiresInMs: 3_600_000 })
  })

  test.each([
    ['for a user without a name', ['--sub', '']],
    ['with a * beside other characters', ['--sub', 'ann', '--join', 'chat*']],
    ['with a ** before the end', ['--sub', 'ann', '--publish', '**:a']],
    [
      'with more patterns than the gateway reads',
      ['--sub', 'ann', '--join', ...Array.from({ length: 257 }, () => 'a')],
    ],
  ])('signs none %s, which the gateway would refuse', async (_case, options) => {
    const { code, stdout, stderr } = await roomway(['token', ...options], env)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toContain('the gateway would refuse such a token')
  })

  test('says, beside the token, where it allows nothing', async () => {
    const nothing = await roomway(['token', '--sub', 'ann'], env)
    expect(nothing).toMatchObject({ code: 0, stderr: expect.stringContaining('allows nothing') })
    const something = await roomway(['token', '--sub', 'ann', '--join', 'a'], env)
    expect(something).toMatchObject({ code: 0, stderr: '' })
  })

  test('cannot sign without the secret, and says so with exit code 2', async () => {
    expect(await roomway(['token', '--sub', 'ann'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ROOMWAY_JWT_SECRET'),
    })
  })
})
