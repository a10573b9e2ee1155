import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { AuthError, type Authenticator } from '@roomway/auth'
import { Reauthentication } from '../src/connection/reauthentication.js'
import { type FakeClient, FakeNode } from './fake-node.js'

describe('a new token on an open connection', () => {
  let fake: FakeNode
  let client: FakeClient

  beforeEach(async () => {
    fake = await FakeNode.open()
    client = await fake.connect()
  })
  afterEach(() => fake.close())

  async function answerTo(fault: Error): Promise<object | undefined> {
    const { memberships, sessions } = fake.node
    const authenticator = { authenticate: () => Promise.reject(fault) } as unknown as Authenticator
    const reauthentication = new Reauthentication({ authenticator, memberships, sessions })
    await reauthentication.handle(client.guest.connection!, { type: 'auth', id: 9, token: 'a token' })
    return client.socket.frames.at(-1)
  }

  test.each([
    ['that is not valid', new AuthError('unauthorized', 'why'), { code: 'unauthorized', message: 'why' }],
    ['that has expired', new AuthError('token_expired', 'why'), { code: 'token_expired', message: 'why' }],
  ])('%s is refused for good, and the old one stays in force', async (_, fault, told) => {
    expect(await answerTo(fault)).toMatchObject({ type: 'error', id: 9, temporary: false, ...told })
    expect(client.guest.connection!.state).toBe('open')
  })

  test.each([
    ['since the keys cannot be fetched', new AuthError('unavailable', 'why')],
    ['for a reason that nobody thought of', new Error('why')],
  ])('that cannot be checked %s may be sent again', async (_, fault) => {
    expect(await answerTo(fault)).toMatchObject({ id: 9, code: 'unavailable', temporary: true, retryAfterMs: 1_000 })
  })
})
