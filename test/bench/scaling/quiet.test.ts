import { expect, test } from '@jest/globals'
import { isQuiet } from './quiet.js'

test('a machine on which one processor works is not quiet', async () => {
  let isOver = false
  const spin = async () => {
    while (!isOver) {
      const endMs = performance.now() + 50
      while (performance.now() < endMs);
      await new Promise(setImmediate)
    }
  }
  const spinning = spin()
  const quiet = await isQuiet()
  isOver = true
  await spinning
  expect(quiet).toBe(false)
})
