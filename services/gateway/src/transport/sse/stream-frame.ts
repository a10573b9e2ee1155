/** A JSON frame as an event stream needs to know it: what it says about a room's place, and its text on one line. */
export interface StreamFrame {
  readonly type: string
  readonly room: string | undefined
  readonly epoch: string | undefined
  readonly offset: number | undefined
  readonly prev: number | undefined
  /** On an error: whether the same may succeed later. */
  readonly isTemporary: boolean
  readonly text: string
  readonly bytes: number
}

interface Members {
  readonly type: string
  readonly room?: string
  readonly epoch?: string
  readonly offset?: number
  readonly prev?: number
  readonly temporary?: boolean
}

/** How an event frame begins where this node's encoder wrote it: such a frame need not be parsed. */
const eventHead = /^\{"type":"event","room":("(?:[^"\\]|\\.)*"),"offset":(\d{1,15}),"prev":(-?\d{1,15}),/
const lineBreak = /[\r\n]/
const lineBreaks = /[\r\n]/g

/** `frame` is borrowed. */
export function readStreamFrame(frame: string | Uint8Array): StreamFrame {
  const text =
    typeof frame === 'string' ? frame : Buffer.from(frame.buffer, frame.byteOffset, frame.length).toString('utf8')
  const bytes = typeof frame === 'string' ? Buffer.byteLength(frame) : frame.length
  const { type, room, epoch, offset, prev, temporary } = eventMembers(text) ?? (JSON.parse(text) as Members)
  return { type, room, epoch, offset, prev, isTemporary: temporary === true, text: onOneLine(text), bytes }
}

function eventMembers(text: string): Members | undefined {
  const [, room, offset, prev] = eventHead.exec(text) ?? []
  if (room === undefined) return undefined
  return { type: 'event', room: JSON.parse(room) as string, offset: Number(offset), prev: Number(prev) }
}

/** A publisher's own JSON may have line breaks, which would end the field. They can only be white space: within JSON's strings they are escaped. */
function onOneLine(text: string): string {
  return lineBreak.test(text) ? text.replace(lineBreaks, ' ') : text
}
