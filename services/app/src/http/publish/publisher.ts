import { createHash, randomUUID } from 'node:crypto'
import type { Identity } from '@roomway/auth'
import type { Log } from '@roomway/broker'
import type { Position } from '@roomway/protocol'
import { type Command, defaultEventName, lookbackOffsets, type RoomDirectory } from '@roomway/records'
import { inTime } from '../answer-deadline.js'
import { claimedAfter } from '../idempotency/claim.js'
import type { KnownClaim } from '../idempotency/claim-index.js'
import type { PublishClaims } from '../idempotency/publish-claims.js'
import { Problem } from '../problem.js'
import type { CommandDoor } from './command-door.js'
import type { EventEnds } from './event-ends.js'
import { type NewEvent, type Payload, payloadOf } from './new-event.js'
import type { PublishSpans } from './publish-spans.js'

export interface PublisherOptions {
  readonly events: Log
  readonly directory: () => RoomDirectory
  readonly door: CommandDoor
  readonly ends: EventEnds
  readonly claims: PublishClaims
  readonly spans: PublishSpans
  readonly maxPayloadBytes: number
  readonly answerMs: number
}

/** One checked request. */
export interface PublishRequest {
  readonly identity: Identity
  /** Each with its own raw text. */
  readonly events: readonly { readonly event: NewEvent; readonly raw: string }[]
  readonly isBatch: boolean
  /** `Idempotency-Key`, and the body as it came. */
  readonly idempotency: { readonly key: string; readonly body: Uint8Array } | undefined
  readonly traceparent: string | undefined
}

/** What became of one event: its id once it is durable, or why it is not. */
export type PublishResult = { readonly id: string } | Problem

/** What ids are made of, and where outcomes may begin. */
interface Naming {
  readonly seed: string
  after(home: number): Position
}

interface Item {
  readonly id: string
  readonly event: NewEvent
  readonly payload: Payload
}

/** Makes commands of what is published over HTTP. */
export class Publisher {
  readonly #options: PublisherOptions

  constructor(options: PublisherOptions) {
    this.#options = options
  }

  /** One result per event, in order. @throws Problem where it is about the request as a whole. */
  async publish(request: PublishRequest): Promise<readonly PublishResult[]> {
    const payloads = request.events.map(({ event, raw }) => this.#check(request.identity, event, raw))
    if (payloads.every((payload) => payload instanceof Problem)) return payloads as Problem[]
    const known = request.idempotency && (await this.#claim(request))
    const naming = known === undefined ? await this.#naming(request) : this.#namingOf(known)
    const items = payloads.map((payload, i) => itemOf(request, i, naming.seed, payload))
    const isDurable = durableOf(known)
    const overloaded = new Set<string>()
    const send = async (item: Item | Problem, i: number): Promise<PublishResult> => {
      if (item instanceof Problem) return item
      return isDurable(i) ? { id: item.id } : this.#send(request, naming, item, overloaded)
    }
    const results = await Promise.all(items.map(send))
    if (known !== undefined) this.#settle(known, results)
    return results
  }

  /**
   * Says what need not be sent again. That one event was refused is no reason to send the others with every repeat; nor, where it was found to be
   * wrong, is that for ever: another token may allow what this one does not, another instance larger data. So the note names what is missing,
   * which stays to be published, alone, and a repeat is never told the id of an event that is not there.
   */
  #settle(known: KnownClaim, results: readonly PublishResult[]): void {
    const isDurable = durableOf(known)
    const missing = [...results.keys()].filter((i) => results[i] instanceof Problem && !isDurable(i))
    const missingBefore = known.missing?.length ?? results.length
    if (missing.length < missingBefore) this.#options.claims.settle(known.claim, missing)
  }

  #check({ grants }: Identity, event: NewEvent, raw: string): Payload | Problem {
    if (!grants.mayPublish(event.room))
      return new Problem('forbidden', 'the token does not allow to publish to this room')
    try {
      return payloadOf(event, raw, this.#options.maxPayloadBytes)
    } catch (error) {
      if (error instanceof Problem) return error
      throw error
    }
  }

  async #claim(request: PublishRequest): Promise<KnownClaim> {
    const { claims, answerMs } = this.#options
    const { key, body } = request.idempotency!
    const hash = digest(JSON.stringify([request.identity.user ?? null, key]))
    const fingerprint = digest(body)
    const make = async () => ({ hash, fingerprint, ...(await this.#floors(request)) })
    const claiming = claims.claim(hash, make).catch(unavailable)
    const known = await inTime(claiming, answerMs, () => nothingPublished(undefined))
    if (known.claim.fingerprint !== fingerprint)
      throw new Problem('key_reused', 'this Idempotency-Key came with another body before: take another key')
    return known
  }

  async #naming(request: PublishRequest): Promise<Naming> {
    const floors = this.#floors(request).catch(unavailable)
    const { epoch, after } = await inTime(floors, this.#options.answerMs, () => nothingPublished(undefined))
    return { seed: randomUUID(), after: (home) => ({ epoch, offset: after[home]! }) }
  }

  #namingOf({ claim }: KnownClaim): Naming {
    return { seed: claim.seed, after: (home) => claimedAfter(claim, home, this.#options.events.epoch) }
  }

  async #floors({ events }: PublishRequest): Promise<{ epoch: string; after: Record<string, number> }> {
    const { directory, ends } = this.#options
    const { epoch } = this.#options.events
    const homes = new Set(events.map(({ event }) => directory().home(event.room)))
    const floors = await Promise.all([...homes].map(async (home) => [home, await ends.floor(home)] as const))
    // A log that became another one meanwhile: anywhere in it.
    const after = floors.map(([home, floor]) => [home, floor.epoch === epoch ? floor.offset : -1])
    return { epoch, after: Object.fromEntries(after) as Record<string, number> }
  }

  async #send(request: PublishRequest, naming: Naming, item: Item, overloaded: Set<string>): Promise<PublishResult> {
    const span = this.#options.spans.publishing(item.event.room, request.traceparent)
    try {
      await this.#options.door.send(this.#command(request, naming, item, span.traceparent), overloaded)
      span.end()
      return { id: item.id }
    } catch (error) {
      span.end(error as Error)
      if (error instanceof Problem) return error
      throw error
    }
  }

  #command({ identity }: PublishRequest, naming: Naming, item: Item, traceparent: string | undefined): Command {
    const { event, payload, id } = item
    const floor = naming.after(this.#options.directory().home(event.room))
    return {
      id,
      room: event.room,
      event: event.event ?? defaultEventName,
      contentType: payload.contentType,
      payload: payload.bytes,
      user: identity.user,
      timeMs: Date.now(),
      // A publisher's own id may have come before, as far back as readers look for repeats.
      after: event.id === undefined ? floor : { ...floor, offset: Math.max(-1, floor.offset - lookbackOffsets) },
      wantsReply: false,
      traceparent,
      door: 'http',
    }
  }
}

function itemOf({ events, isBatch }: PublishRequest, i: number, seed: string, payload: Payload | Problem) {
  if (payload instanceof Problem) return payload
  const { event } = events[i]!
  return { event, payload, id: event.id ?? (isBatch ? `${seed}-${i + 1}` : seed) }
}

/** Whether an event, given by its place, is known to be durable. */
function durableOf(known: KnownClaim | undefined): (place: number) => boolean {
  if (known?.missing === undefined) return () => false
  const missing = new Set(known.missing)
  return (place) => !missing.has(place)
}

const digest = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('base64url')

const nothingPublished = (cause: unknown): Problem =>
  new Problem('unavailable', 'the broker does not answer: nothing was published', { cause })

function unavailable(error: unknown): never {
  throw error instanceof Problem ? error : nothingPublished(error)
}
