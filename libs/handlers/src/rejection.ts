import type { Decision } from './decision.js'

const codeForm = /^[a-z][a-z0-9_]{0,63}$/
const maxMessageChars = 1_000

/** @throws TypeError for a code that is none. */
export function rejection(code: string, message: string): Extract<Decision, { type: 'reject' }> {
  if (typeof code !== 'string' || !codeForm.test(code))
    throw new TypeError(`${JSON.stringify(code)} is no code: a–z, 0–9 and _, without the app. before it`)
  return { type: 'reject', code: `app.${code}`, message: String(message).slice(0, maxMessageChars).toWellFormed() }
}

export const forbidden: Extract<Decision, { type: 'reject' }> = {
  type: 'reject',
  code: 'forbidden',
  message: 'the application does not allow this',
}

/** What `reject` throws to end a run. Who catches it changes nothing: the run is rejected. */
export class Rejected extends Error {
  override readonly name = 'Rejected'
  readonly decision: Extract<Decision, { type: 'reject' }>

  constructor(code: string, message: string) {
    const decision = rejection(code, message)
    super(`${decision.code}: ${decision.message}`)
    this.decision = decision
  }
}
