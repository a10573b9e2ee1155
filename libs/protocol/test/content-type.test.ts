import { expect, test } from '@jest/globals'
import { isContentType } from '@roomway/protocol/content-type'

test.each([
  ['text/plain; charset=utf-8', true],
  ['x'.repeat(255), true],
  ['x'.repeat(256), false],
  ['', false],
  ['text/plain\n', false],
  ['text/plän', false],
  [undefined, false],
])('%j is a content type: %s', (text, expected) => {
  expect(isContentType(text)).toBe(expected)
})
