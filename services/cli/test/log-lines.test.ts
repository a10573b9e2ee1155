import { expect, test } from '@jest/globals'
import { readable } from '../src/log-lines.js'

const line = (fields: object) =>
  readable(
    JSON.stringify({ level: 'warn', time: '2026-01-01T10:42:01.000Z', name: 'roomway', msg: 'it failed', ...fields }),
  )

test('a log line is readable on a terminal', () => {
  const fields = { partition: 3, room: 'chat:1', err: { message: 'no such table', stack: '…' } }
  expect(line(fields)).toBe('10:42:01 warn  it failed  partition=3  room=chat:1  reason=no such table\n')
  expect(readable('no JSON\n')).toBe('no JSON\n')
})

test('what others wrote forges no line of it, and does nothing to a terminal', () => {
  const text = line({ detail: 'a\n10:42:01 info  all is well\u001b[2J\u009b\r', err: { message: 'x\ny' } })
  expect(text.split('\n')).toHaveLength(2)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect(text.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/)
  expect(text).toContain('detail=a\\n10:42:01')
})
