import { FrameSyntaxError } from './codec.js'

/** How deep the objects and arrays of a frame may nest, the frame itself included. */
export const maxNesting = 64

/** @throws FrameSyntaxError where `value` nests deeper than `maxNesting`. */
export function checkNesting(value: object, depth = 1): void {
  if (depth > maxNesting) throw tooDeep()
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof member === 'object' && member !== null) checkNesting(member, depth + 1)
  }
}

export function tooDeep(): FrameSyntaxError {
  return new FrameSyntaxError(`objects and arrays nest deeper than ${maxNesting}`)
}
