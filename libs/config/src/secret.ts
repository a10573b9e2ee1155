import { inspect } from 'node:util'

/** A value that shows itself only when asked: not in JSON, in text, in a log line, nor in an error. */
export class Secret {
  readonly #value: string
  constructor(value: string) {
    this.#value = value
  }
  /** The value itself. Hand it on at once; keep it in no variable that could be logged. */
  reveal(): string {
    return this.#value
  }
  toString(): string {
    return '[secret]'
  }
  toJSON(): string {
    return '[secret]'
  }
  [inspect.custom](): string {
    return '[secret]'
  }
}
