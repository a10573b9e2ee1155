import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { AuthError, type Authenticator, type Identity } from '@roomway/auth'
import { Reauthentication } from '../src/connection/reauthentication.js'
import { type FakeClient, FakeNode } from './fake-node.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

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

  /** Answers to tokens in the order in which the test gives them. */
  function checkedByHand() {
    const { memberships, sessions } = fake.node
    const checks: { readonly token: string; readonly identity: Identity; readonly accept: () => void }[] = []
    const authenticate = (token: string | undefined) =>
      new Promise<Identity>((resolve) => {
        const identity = { ...client.guest.connection!.identity }
        checks.push({ token: token!, identity, accept: () => resolve(identity) })
      })
    const authenticator = { authenticate } as unknown as Authenticator
    const reauthentication = new Reauthentication({ authenticator, memberships, sessions })
    const send = (id: number) =>
      reauthentication.handle(client.guest.connection!, { type: 'auth', id, token: `token ${id}` })
    return { checks, send }
  }

  test('is checked when those before it have been, so that the last one sent is the one in force', async () => {
    const { checks, send } = checkedByHand()
    const done = send(1)
    void send(2)
    expect(checks.map(({ token }) => token)).toEqual(['token 1'])
    checks[0]!.accept()
    await turn()
    expect(checks.map(({ token }) => token)).toEqual(['token 1', 'token 2'])
    checks[1]!.accept()
    await done
    expect(client.socket.frames.slice(-2)).toEqual([
      { type: 'ack', id: 1 },
      { type: 'ack', id: 2 },
    ])
    expect(client.guest.connection!.identity).toBe(checks[1]!.identity)
  })

  test('is refused for a while where eight of the connection wait behind the one that is checked', async () => {
    const { checks, send } = checkedByHand()
    const done = send(0)
    for (let id = 1; id <= 9; id++) void send(id)
    expect(client.socket.frames.at(-1)).toMatchObject({
      id: 9,
      code: 'overloaded',
      temporary: true,
      retryAfterMs: 1_000,
    })
    for (let id = 0; id <= 8; id++) {
      checks[id]!.accept()
      await turn()
    }
    await done
    expect(client.socket.frames.at(-1)).toEqual({ type: 'ack', id: 8 })
    void send(10)
    expect(checks.at(-1)!.token).toBe('token 10')
  })

  test('that waits is not checked any more once the connection is gone', async () => {
    const { checks, send } = checkedByHand()
    const done = send(1)
    void send(2)
    fake.node.reception.onClose(client.guest)
    checks[0]!.accept()
    await done
    expect(checks).toHaveLength(1)
  })
})
