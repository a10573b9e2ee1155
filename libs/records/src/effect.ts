import type { BrokerRecord } from '@roomway/broker'
import { type Answer, decodeAnswer } from './answer.js'
import { headerNames, systemNames } from './envelope.js'

/** What the outcome that counts says. It, and not what its writer once decided, is what everything further is made of. */
export type Effect =
  /** `reply` is JSON. */
  | { readonly type: 'event'; readonly offset: number; readonly reply: string | undefined }
  /** `error` is the JSON `{code, message}`. */
  | { readonly type: 'rejected'; readonly offset: number; readonly error: Uint8Array }
  | { readonly type: 'answer'; readonly offset: number; readonly answer: Answer }

/** Of an answer that somebody else made up: it has no effect, and holds nothing up. */
const nothing: Answer = { events: [], reply: undefined }

/** What an outcome record says; it is what became of the command only where the outcome counts. Keeps nothing of the record. */
export function effectOf({ offset, headers, value }: BrokerRecord): Effect {
  switch (effectTypeOf(headers)) {
    case 'rejected':
      return { type: 'rejected', offset, error: Uint8Array.from(value) }
    case 'answer':
      return { type: 'answer', offset, answer: decodeAnswer(value) ?? nothing }
    case 'event':
      return { type: 'event', offset, reply: headers[headerNames.reply] }
  }
}

/** The same in one word, without reading the value. */
export function effectTypeOf(headers: BrokerRecord['headers']): Effect['type'] {
  const event = headers[headerNames.event]
  if (event === systemNames.rejected) return 'rejected'
  return event === systemNames.outcome ? 'answer' : 'event'
}
