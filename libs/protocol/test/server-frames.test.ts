import { expect, test } from '@jest/globals'
import type { z } from 'zod'
import type { ServerFrame } from '../src/index.js'
import { serverFrameSchemas } from '../src/server-frames.js'

type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T
/** `true` only where neither has a member, optional or not, that the other lacks. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

type Schemas = typeof serverFrameSchemas
type Matches = {
  [T in ServerFrame['type']]: Same<Writable<z.infer<Schemas[T]>>, Writable<Extract<ServerFrame, { type: T }>>>
}

// Checked when the tests are type-checked: a schema that differs from its type has `false` here.
const matches: { [T in ServerFrame['type']]: true } = {} as Matches

test('every frame of the server has a schema, for the type under which it stands', () => {
  expect(matches).toBeDefined()
  for (const [type, schema] of Object.entries(serverFrameSchemas)) expect(schema.shape.type.value).toBe(type)
})
