import { expect, test } from '@jest/globals'
import { spawnNode } from '@roomway/testing'

// A process of its own: the limit is read when the native file is loaded, from the environment of the process.
test('a request may bring a token of 16,384 characters, and more beside it', async () => {
  const program = await spawnNode('libs/uws/test/large-request.ts', { args: ['60000'] })
  const { input } = await program.line(/status \d+/, 30_000)
  expect(input).toBe('status 200')
  await program.close()
})
