import type { Codec } from '@roomway/protocol'
import type { WireCounts } from './journal.js'

/** Listens in on the frames of a process's clients, as an envelope around their codec. */
export class Wire {
  readonly counts: WireCounts = { connects: 0, resumes: 0, recovered: 0, resends: 0 }
  readonly #claims = new Map<string, Map<number, Set<number>>>()

  tap(codec: Codec): Codec {
    return {
      format: codec.format,
      encode: (frame) => {
        this.#sent(frame as Readonly<Record<string, unknown>>)
        return codec.encode(frame)
      },
      decode: (message) => {
        const frame = codec.decode(message)
        this.#received(frame)
        return frame
      },
    }
  }

  /** By room: what event frames said, `prev` and `offset`, each pair once. */
  claims(): Record<string, [number, number][]> {
    return Object.fromEntries(
      [...this.#claims].map(([room, byOffset]) => [
        room,
        [...byOffset].flatMap(([offset, prevs]) => [...prevs].map((prev): [number, number] => [prev, offset])),
      ]),
    )
  }

  #sent(frame: Readonly<Record<string, unknown>>): void {
    if (frame.type === 'resume') this.counts.resumes++
    if (frame.type === 'publish' && frame.after !== undefined) this.counts.resends++
  }

  #received(frame: Readonly<Record<string, unknown>>): void {
    if (frame.type === 'welcome') this.counts.connects++
    if (frame.type === 'resumed' && frame.recovered === true) this.counts.recovered++
    if (frame.type === 'event') this.#claim(frame.room as string, frame.prev as number, frame.offset as number)
  }

  #claim(room: string, prev: number, offset: number): void {
    const byOffset = this.#claims.get(room) ?? new Map<number, Set<number>>()
    this.#claims.set(room, byOffset)
    const known = byOffset.get(offset)
    if (known === undefined) byOffset.set(offset, new Set([prev]))
    else known.add(prev)
  }
}
