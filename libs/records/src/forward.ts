import type { Position } from '@roomway/protocol'
import type { AnswerEvent } from './answer.js'
import type { Command } from './command.js'

/** The door by which the events of an answer reach the owners of their rooms. */
export const forwardDoor = 'forward'

/** Whether a command is an event of an answer: decided already, it is accepted as it is, and runs no handler. */
export const isForward = ({ door }: Command): boolean => door === forwardDoor

/**
 * An event of the answer to `command`, as a command to its room. Whoever reads the answer makes the same one, so it may be sent any number of
 * times, by any number of owners: the first outcome wins. `number` is its place in the answer, from 1.
 */
export function forwardOf(
  command: Command,
  number: number,
  emitted: AnswerEvent,
  after: Position = emitted.after,
): Command {
  const { room, event, contentType, payload } = emitted
  return {
    id: forwardId(command, number),
    room,
    event,
    contentType,
    payload,
    user: command.user,
    timeMs: command.timeMs,
    after,
    wantsReply: false,
    traceparent: command.traceparent,
    door: forwardDoor,
  }
}

/** `<session>:<seq>.<number>`; of what came by another door, whose ids are unique within that door and the room only, `<door>/<room>/<id>.<number>`. */
function forwardId({ id, room, door }: Command, number: number): string {
  return door === undefined ? `${id}.${number}` : `${door}/${encodeURIComponent(room)}/${id}.${number}`
}
