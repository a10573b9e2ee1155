import { FrameSyntaxError } from './codec.js'

/**
 * msgpackr gives a view of larger elements as many bytes as it has, writes one of each element, and leaves the rest to what the memory held before.
 * This goes the way that msgpackr goes through a value, after it: so nothing is circular, or deeper than the protocol allows.
 * @throws FrameSyntaxError where there is a view in `value` that is no Uint8Array.
 */
export function refuseViews(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  if (ArrayBuffer.isView(value))
    throw new FrameSyntaxError('bytes are a Uint8Array in MessagePack: no other view of them has a form')
  for (const member of membersOf(value)) refuseViews(member)
}

function membersOf(value: object): Iterable<unknown> {
  if (Array.isArray(value) || value instanceof Map || value instanceof Set) return value
  const { toJSON } = value as { readonly toJSON?: unknown }
  const hasForm = value.constructor !== Object && typeof toJSON === 'function'
  const json: unknown = hasForm ? toJSON.call(value) : value
  if (json !== value) return [json]
  return value instanceof Error ? [value.cause] : Object.values(value)
}
