const slotBits = 14

/**
 * Of the rooms of one partition whose events the window has forgotten: an offset above which none of these lies. So a node can tell of a room that was
 * quiet that a client which was away for longer than the window reaches has missed nothing, without reading the log. Rooms share slots, and a slot has the
 * highest offset of those that do: it may say too much of a room, and then the log is read, never too little. Memory: 128 KiB, from the first room on.
 */
export class ForgottenRooms {
  /** Below it the node has read nothing: whatever lies there is taken to be any room's. */
  readonly #from: number
  #last: Float64Array | undefined

  constructor(from: number) {
    this.#from = from
  }

  /** The last of the room's events in the window is forgotten. Offsets only grow from call to call. */
  note(room: string, offset: number): void {
    this.#last ??= new Float64Array(2 ** slotBits).fill(this.#from - 1)
    this.#last[slotOf(room)] = offset
  }

  /** None of the room's forgotten events lies above it. */
  lastOf(room: string): number {
    return this.#last?.[slotOf(room)] ?? this.#from - 1
  }
}

/**
 * FNV-1a of the name's code units, its bits mixed by a multiplication and the highest taken. Not the hash by which rooms find their partitions: that is the same in
 * its lowest bits for all rooms of one, and takes a third of a microsecond, which each event of a room that has few would pay twice.
 */
function slotOf(room: string): number {
  let hash = 0x811c9dc5
  for (let n = 0; n < room.length; n++) hash = Math.imul(hash ^ room.charCodeAt(n), 0x01000193)
  return Math.imul(hash, 0x9e3779b1) >>> (32 - slotBits)
}
