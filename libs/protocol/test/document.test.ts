import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { parseClientFrame } from '../src/client-frames.js'
import { closeCodes, errorCodes, mayReconnect, placeOf, subprotocols } from '../src/index.js'

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8')
const document = read('../../../docs/protocol.md')
const frameTypes = [...read('../src/frames.ts').matchAll(/readonly type: '(\w+)'/g)].map(([, type]) => type as string)

/** The cells of the rows of the table under a heading. */
function table(heading: string): string[][] {
  const section = document.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('|'))
  return rows.slice(2).map((row) => row.slice(2, -2).split(' | '))
}

/** Every line of the document that is one frame in JSON. */
function frames(): Record<string, unknown>[] {
  const lines = document.replaceAll(',\n "', ',"').split('\n')
  return lines
    .flatMap((line) => /^(?:[→←] )?(\{"type":.*?\})\s*(?:#.*)?$/.exec(line)?.[1] ?? [])
    .map((text) => JSON.parse(text))
}

describe('docs/protocol.md', () => {
  test('holds the error codes as they are', () => {
    const rows = Object.entries(errorCodes).map(([code, { temporary, meaning }]) => [
      `\`${code}\``,
      temporary ? 'yes' : 'no',
      meaning,
    ])
    expect(table('Errors')).toEqual(rows)
  })

  test('holds the close codes as they are', () => {
    const rows = Object.entries(closeCodes).map(([name, { code, meaning }]) => [`${code}`, `\`${name}\``, meaning])
    expect(table('Close codes')).toEqual(rows)
  })

  test('holds examples of places', () => {
    const examples = [...document.matchAll(/`([^`]+)` is at `([0-9a-f]{2})`/g)]
    expect(examples.map(([, room]) => placeOf(room!))).toEqual(examples.map(([, , place]) => place))
    expect(document).toContain(`\`Zürich\` at \`${placeOf('Zürich')}\``)
  })

  test('names every type of frame and every subprotocol', () => {
    expect(frameTypes).toHaveLength(25)
    for (const type of frameTypes) expect(document).toContain(`\`${type}\``)
    for (const subprotocol of Object.values(subprotocols)) expect(document).toContain(`\`${subprotocol}\``)
  })

  test('shows frames that are valid, and an example of all but the simplest', () => {
    const shown = frames()
    const fromClient = ['join', 'leave', 'publish', 'resume', 'auth', 'seen', 'presence', 'ping']
    for (const frame of shown) {
      expect(frameTypes).toContain(frame.type)
      if (fromClient.includes(frame.type as string)) expect(parseClientFrame(frame)).toMatchObject({ ok: true })
    }
    const simple = ['leave', 'auth', 'seen', 'presence', 'ping', 'pong']
    const types = new Set(shown.map(({ type }) => type))
    expect(frameTypes.filter((type) => !types.has(type) && !simple.includes(type))).toEqual([])
    for (const type of simple) expect(document).toContain(`{"type":"${type}"`)
  })
})

test('a close code says by its range whether to reconnect', () => {
  const reconnecting = [1000, 1001, 1006, 1011, 1012, 1013, 4000, 4001, 4002, 4003, 4004, 4499]
  const final = [1002, 1003, 1007, 1009, 4500, 4501, 4502, 4503, 4504, 4999]
  expect(reconnecting.filter((code) => !mayReconnect(code))).toEqual([])
  expect(final.filter(mayReconnect)).toEqual([])
})
