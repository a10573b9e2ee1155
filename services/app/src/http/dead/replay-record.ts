import type { AppendRecord, Log } from '@roomway/broker'
import { isUserRoom, type Position } from '@roomway/protocol'
import {
  commandRecord,
  type DeadLetter,
  forwardDoor,
  headerNames,
  homeOf,
  isForward,
  parseCommand,
  type RoomDirectory,
} from '@roomway/records'
import { Problem } from '../problem.js'

/** What a letter becomes when it is replayed, and in which log. */
export interface Replay {
  readonly log: 'intake' | 'commands'
  /** By which readers and owners tell a second replay of the letter from another record. */
  readonly id: string
  readonly record: AppendRecord
}

const cannot = (detail: string): never => {
  throw new Problem('unsupported', detail, { status: 409 })
}

/** @throws Problem where nothing can be made of it. */
function assertWhole(letter: DeadLetter): void {
  if (letter.isWhole) return
  cannot(
    `of the record, which had ${letter.bytes} bytes of data, only a part was kept: it can be looked at, and dropped, and published anew by its source`,
  )
}

/** The record as it was, for the mover to take once more: under its own id, or, where it had none, one made of the letter's. @throws Problem */
export function intakeReplay(letter: DeadLetter, intake: Log): Replay {
  assertWhole(letter)
  const { key, headers, value } = letter
  if (key === undefined || !isUserRoom(key)) return cannot('the record names no room: there is nowhere to put it')
  const id = headers[headerNames.id] || `replay:${letter.id}`
  const partition = homeOf(key, intake.partitions)
  return { log: 'intake', id, record: { partition, key, headers: { ...headers, [headerNames.id]: id }, value } }
}

/** The command once more, under an id of its own, so that its handler, if it is for one to decide, runs again. `after`: no outcome of that id lies at or below. @throws Problem */
export function commandReplay(letter: DeadLetter, directory: RoomDirectory, after: Position): Replay {
  assertWhole(letter)
  const { key, headers, value, timeMs } = letter
  const command = parseCommand({
    partition: letter.logPartition,
    offset: letter.logOffset,
    key,
    headers,
    value,
    timeMs,
  })
  if (command === undefined) return cannot('the record is no command: nobody could handle it')
  const id = `replay:${letter.id}`
  const home = directory.home(command.room)
  // An event of an answer is decided already.
  const door = isForward(command) ? forwardDoor : 'replay'
  const again = { ...command, id, door, after, wantsReply: false }
  return { log: 'commands', id, record: commandRecord(again, home) }
}
