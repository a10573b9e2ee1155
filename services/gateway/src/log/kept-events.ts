import type { WireFormat } from '@roomway/protocol'
import { jsonContentType } from '@roomway/records'
import { liveFrame } from '../encoder/event-frame.js'
import type { MissedEvents } from '../rooms/missed-events.js'
import type { Room } from '../rooms/room.js'
import { chunkBits, chunkEvents, type EventChunk, put } from './event-chunk.js'
import type { LoggedEvent } from './logged-event.js'
import { PayloadSlabs } from './payload-slabs.js'
import type { RecentWindow } from './recent-window.js'
import type { WindowMemory } from './window-memory.js'

/** What an event is taken to occupy besides its payload, texts and frames: its places in the columns. */
const overheadBytes = 96
/** What a room is taken to occupy as long as it has events here. */
const roomBytes = 320
/** What a string takes besides its characters. */
const textBytes = 24

/**
 * The events of a recent window, oldest first, each known by its index: the number of those that came before it, forgotten ones included. A node keeps
 * hundreds of thousands, and as objects V8's collector would move each twice and mark it again and again; columns of numbers, and payloads side by side
 * in slabs, it neither moves nor looks into. Bytes are counted in the budget that the windows of a node share.
 */
export class KeptEvents implements MissedEvents {
  /** Of the oldest. */
  first = 0
  /** Of the next that comes. */
  end = 0
  usedBytes = 0
  readonly #window: RecentWindow
  readonly #memory: WindowMemory
  readonly #slabs: PayloadSlabs
  readonly #chunks: EventChunk[] = []
  /** Of the first chunk's first place. Within a chunk all is reckoned from here: an index may pass 2³², where shifts of it would go wrong. */
  #base = 0

  constructor(window: RecentWindow, memory: WindowMemory) {
    this.#window = window
    this.#memory = memory
    this.#slabs = new PayloadSlabs(memory.slabs)
  }

  /** Takes in an event, its payload copied, and makes it the room's next after `previousInRoom` (−1: it is the room's first here). Returns its index. */
  add(event: LoggedEvent, readAtMs: number, previousInRoom: number): number {
    const index = this.end++
    const n = (index - this.#base) & (chunkEvents - 1)
    if (n === 0) this.#chunks.push(this.#memory.chunks.take())
    const chunk = this.#chunks.at(-1)!
    chunk.offset[n] = event.offset
    chunk.prev[n] = event.prev
    chunk.timeMs[n] = event.timeMs
    chunk.readAtSeconds[n] = this.#memory.secondOf(readAtMs)
    const { length } = event.payload
    const slab = this.#slabs.add(event.payload)
    chunk.slab[n] = slab
    chunk.start[n] = slab.usedBytes - length
    chunk.payloadBytes[n] = length
    chunk.isJson[n] = event.isJson ? 1 : 0
    chunk.home[n] = event.home
    chunk.event[n] = event.event
    chunk.contentType[n] = event.contentType
    chunk.ownId = put(chunk.ownId, n, event.ownId)
    chunk.user = put(chunk.user, n, event.user)
    chunk.traceparent = put(chunk.traceparent, n, event.traceparent)
    const distance = previousInRoom < 0 ? 0 : index - previousInRoom
    chunk.toPrevInRoom[n] = distance
    chunk.toNextInRoom[n] = 0
    if (distance > 0) this.#chunkOf(previousInRoom).toNextInRoom[this.#placeOf(previousInRoom)] = distance
    this.#bill(this.#sizeOf(chunk, n) + (previousInRoom < 0 ? roomBytes : 0))
    return index
  }

  /** Forgets the oldest. */
  dropFirst(): void {
    const chunk = this.#chunks[0]!
    const n = this.first - this.#base
    const wasItsLast = chunk.toNextInRoom[n] === 0
    this.#bill(-this.#sizeOf(chunk, n) - (wasItsLast ? roomBytes : 0))
    this.first++
    this.#slabs.release(chunk.slab[n]!)
    chunk.release(n)
    if (this.first < this.end && n + 1 < chunkEvents) return
    this.#bill(-chunk.frames.usedBytes)
    // A quiet partition keeps none: there may be a thousand.
    this.#memory.chunks.give(chunk.empty())
    this.#chunks.shift()
    this.#base = this.#chunks.length === 0 ? this.end : this.#base + chunkEvents
  }

  /** The index of the room's next event, −1 where there is none yet. */
  nextInRoom(index: number): number {
    const distance = this.#chunkOf(index).toNextInRoom[this.#placeOf(index)]!
    return distance === 0 ? -1 : index + distance
  }

  /** The index of the room's previous event, −1 where that is not in the window. */
  prevInRoom(index: number): number {
    const distance = this.#chunkOf(index).toPrevInRoom[this.#placeOf(index)]!
    return distance === 0 || index - distance < this.first ? -1 : index - distance
  }

  homeOf(index: number): Room {
    return this.#chunkOf(index).home[this.#placeOf(index)]!
  }

  offsetOf(index: number): number {
    return this.#chunkOf(index).offset[this.#placeOf(index)]!
  }

  prevOf(index: number): number {
    return this.#chunkOf(index).prev[this.#placeOf(index)]!
  }

  timeMsOf(index: number): number {
    return this.#chunkOf(index).timeMs[this.#placeOf(index)]!
  }

  readAtSecondsOf(index: number): number {
    return this.#chunkOf(index).readAtSeconds[this.#placeOf(index)]!
  }

  /** Its frame, kept for the next that needs it as long as there is memory for that. */
  frameOf(index: number, format: WireFormat): Uint8Array {
    const { frames } = this.#chunkOf(index)
    const n = this.#placeOf(index)
    const kept = frames.of(n, format)
    if (kept !== undefined) return kept
    const frame = liveFrame(this.at(index), format)
    if (!this.#memory.mayKeepFrames) return frame
    const usedBefore = frames.usedBytes
    const own = frames.keep(n, format, frame)
    this.#bill(frames.usedBytes - usedBefore)
    return own
  }

  /** It was delivered under a span of this node's, from which those go on who get it later. */
  trace(index: number, traceparent: string): void {
    const chunk = this.#chunkOf(index)
    const n = this.#placeOf(index)
    this.#bill(-this.#sizeOf(chunk, n))
    chunk.traceparent = put(chunk.traceparent, n, traceparent)
    this.#bill(this.#sizeOf(chunk, n))
  }

  /** The event as an object, its payload borrowed. */
  at(index: number): LoggedEvent {
    const chunk = this.#chunkOf(index)
    const n = this.#placeOf(index)
    const start = chunk.start[n]!
    return {
      home: chunk.home[n]!,
      offset: chunk.offset[n]!,
      prev: chunk.prev[n]!,
      event: chunk.event[n]!,
      contentType: chunk.contentType[n]!,
      isJson: chunk.isJson[n] === 1,
      timeMs: chunk.timeMs[n]!,
      user: chunk.user?.[n],
      traceparent: chunk.traceparent?.[n],
      ownId: chunk.ownId?.[n],
      window: this.#window,
      payload: chunk.slab[n]!.bytes.subarray(start, start + chunk.payloadBytes[n]!),
    }
  }

  #chunkOf(index: number): EventChunk {
    return this.#chunks[(index - this.#base) >>> chunkBits]!
  }

  #placeOf(index: number): number {
    return (index - this.#base) & (chunkEvents - 1)
  }

  #bill(bytes: number): void {
    this.usedBytes += bytes
    this.#memory.usedBytes += bytes
  }

  #sizeOf(chunk: EventChunk, n: number): number {
    const ownTexts = sizeOfText(chunk.ownId?.[n]) + sizeOfText(chunk.user?.[n]) + sizeOfText(chunk.traceparent?.[n])
    const isShared = chunk.contentType[n] === jsonContentType
    const contentType = isShared ? 0 : sizeOfText(chunk.contentType[n])
    return overheadBytes + chunk.payloadBytes[n]! + ownTexts + contentType
  }
}

const sizeOfText = (text: string | undefined): number => (text === undefined ? 0 : textBytes + text.length)
