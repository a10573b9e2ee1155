import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import { headerNames, systemNames } from './envelope.js'

/** What an operator did about a dead letter: it is settled, and not listed any more. */
export interface DeadNote {
  /** Of the letter. */
  readonly id: string
  readonly action: 'replayed' | 'dropped'
}

const noBytes = new Uint8Array()

/** The note as a record of the log `dead`, behind the letter: that log says by itself what is left to do. */
export function deadNoteRecord({ id, action }: DeadNote): AppendRecord {
  const headers = {
    [headerNames.event]: systemNames.deadNote,
    [headerNames.id]: id,
    [headerNames.reason]: action,
    [headerNames.time]: String(Date.now()),
  }
  return { partition: 0, key: systemNames.deadNote, headers, value: noBytes }
}

/** The note that a record of `dead` holds; undefined where it is another one. */
export function parseDeadNote({ key, headers }: BrokerRecord): DeadNote | undefined {
  const id = headers[headerNames.id]
  const action = headers[headerNames.reason]
  if (key !== systemNames.deadNote || id === undefined) return undefined
  return action === 'replayed' || action === 'dropped' ? { id, action } : undefined
}
