import type { AppendRecord, BrokerRecord } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import { headerNames, parseSeen } from '@roomway/records'

const claimKey = '$publish-claim'
const settledKey = '$publish-settled'
const numberForm = /^\d{1,15}$/
const decoder = new TextDecoder()
const encoder = new TextEncoder()
const noBytes = new Uint8Array()

/** What was first said of an `Idempotency-Key`: enough to publish the very same events again. */
export interface Claim {
  /** Of user and key. */
  readonly hash: string
  /** Of the body that came with it. */
  readonly fingerprint: string
  /** What the ids of events that came without one are made of. */
  readonly seed: string
  readonly timeMs: number
  readonly epoch: string
  /** For each home of its events: no outcome of them stands at or below this offset. */
  readonly after: Readonly<Record<string, number>>
}

/** A claim as a record of the log `control`. `seen`: the last offset of it that the writer had read, without finding a claim of this key to go by. */
export function claimRecord({ hash, timeMs, ...said }: Claim, seen: number): AppendRecord {
  const headers = {
    [headerNames.event]: claimKey,
    [headerNames.id]: hash,
    [headerNames.time]: String(timeMs),
    [headerNames.seen]: String(seen),
  }
  return { partition: 0, key: claimKey, headers, value: encoder.encode(JSON.stringify(said)) }
}

/** Says that all events of a claim are durable but the `missing` ones, given by their places in the body: of the others a repeat needs no more than an answer. */
export function settledRecord({ hash, seed }: Claim, missing: readonly number[]): AppendRecord {
  const headers = { [headerNames.event]: settledKey, [headerNames.id]: hash, seed }
  const value = missing.length === 0 ? noBytes : encoder.encode(JSON.stringify(missing))
  return { partition: 0, key: settledKey, headers, value }
}

/** What a record of `control` says of claims; the claim itself is in its value. */
export type ClaimNote =
  | { readonly type: 'claim'; readonly hash: string; readonly timeMs: number; readonly seen: number }
  | { readonly type: 'settled'; readonly hash: string; readonly seed: string; readonly missing: readonly number[] }

export function parseClaimNote({ key, headers, value }: BrokerRecord): ClaimNote | undefined {
  const hash = headers[headerNames.id]
  if (hash === undefined) return undefined
  if (key === settledKey) {
    const missing = parsePlaces(value)
    return missing && { type: 'settled', hash, seed: headers.seed ?? '', missing }
  }
  const seen = parseSeen(headers)
  const time = headers[headerNames.time] ?? ''
  if (key !== claimKey || seen === undefined || !numberForm.test(time)) return undefined
  return { type: 'claim', hash, timeMs: Number(time), seen }
}

function parsePlaces(value: Uint8Array): readonly number[] | undefined {
  if (value.length === 0) return []
  try {
    const places: unknown = JSON.parse(decoder.decode(value))
    return Array.isArray(places) && places.every(Number.isSafeInteger) ? (places as number[]) : undefined
  } catch {
    return undefined
  }
}

/** Undefined where the value is none that `claimRecord` made. */
export function parseClaim(hash: string, timeMs: number, value: Uint8Array): Claim | undefined {
  try {
    const { fingerprint, seed, epoch, after } = JSON.parse(decoder.decode(value)) as Partial<Claim>
    const isWhole =
      [fingerprint, seed, epoch].every((text) => typeof text === 'string') &&
      typeof after === 'object' &&
      Object.values(after).every(Number.isSafeInteger)
    return isWhole ? { hash, timeMs, fingerprint: fingerprint!, seed: seed!, epoch: epoch!, after: after! } : undefined
  } catch {
    return undefined
  }
}

/** Where to look from for outcomes of the claim's events in a partition: anywhere, where the log is another one now. */
export function claimedAfter({ epoch, after }: Claim, home: number, present: string): Position {
  return { epoch: present, offset: epoch === present ? (after[home] ?? -1) : -1 }
}
