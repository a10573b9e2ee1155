import { EventChunk } from './event-chunk.js'
import { newSlab } from './payload-slabs.js'
import { Spares } from './spares.js'

/** Of chunks (20 KiB each) and of slabs (32 KiB), so 6.5 MiB in all at most. */
const maxSpares = 128

/** What all the windows of a node share: how many bytes they may hold, and what one let go of that another may fill. */
export class WindowMemory {
  usedBytes = 0
  /** Of what is held by events; spares are not counted. */
  maxBytes: number
  readonly chunks = new Spares(() => new EventChunk(), maxSpares)
  readonly slabs = new Spares(newSlab, maxSpares)

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }
}
