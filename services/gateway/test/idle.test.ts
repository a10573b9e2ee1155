import { expect, test } from '@jest/globals'
import { FakeNode } from './fake-node.js'

test('connections that only listen share what they would need for more', async () => {
  const fake = await FakeNode.open()
  const [ann, bob] = [await fake.connect(), await fake.connect()]
  for (const { guest, socket } of [ann, bob]) {
    fake.node.admission.join(guest.connection!, { type: 'join', id: 1, room: 'chat:1' })
    expect(socket.frames.at(-1)).toMatchObject({ type: 'joined', room: 'chat:1' })
  }
  const [one, two] = [ann, bob].map(({ guest }) => guest.connection!)
  expect(one!.undertakings).toBe(two!.undertakings)
  expect(one!.membership('chat:1')!.progress).toBe(two!.membership('chat:1')!.progress)
  fake.node.catchUp.lag(one!.membership('chat:1')!)
  expect(one!.membership('chat:1')!.state).toBe('draining')
  expect(two!.membership('chat:1')!.state).toBe('live')
  await fake.close()
})
