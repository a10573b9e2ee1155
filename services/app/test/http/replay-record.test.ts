import { describe, expect, test } from '@jest/globals'
import {
  type Command,
  commandRecord,
  deadRecord,
  forwardOf,
  isForward,
  parseCommand,
  parseDeadLetter,
  RoomDirectory,
} from '@roomway/records'
import { commandReplay } from '../../src/http/dead/replay-record.js'
import { command, emission, room } from '../fixtures.js'

const after = { epoch: 'e1', offset: 9 }

/** The command that comes of replaying the letter of one that was set aside. */
function replayed(one: Command): Command | undefined {
  const record = { ...commandRecord(one, 1), offset: 3, timeMs: 1 }
  const dead = deadRecord({ log: 'commands', epoch: 'e1' }, record, 'home')
  const letter = parseDeadLetter({ ...dead, offset: 0, timeMs: 1 })
  const { record: again } = commandReplay(letter!, new RoomDirectory(2), after)
  return parseCommand({ ...again, offset: 4, timeMs: 2 })
}

describe('a command that is replayed', () => {
  test('is another one, which its handler is asked about', () => {
    const again = replayed(command(1, { wantsReply: true }))
    expect(again).toMatchObject({ room, id: 'replay:dead:commands:e1:1:3', after, wantsReply: false })
    expect(isForward(again!)).toBe(false)
  })

  test('stays decided where it is an event of an answer: no handler is asked about it', () => {
    const again = replayed(forwardOf(command(1), 2, { ...emission(room, 'made'), after }))
    expect(again).toMatchObject({ room, id: 'replay:dead:commands:e1:1:3', after })
    expect(isForward(again!)).toBe(true)
  })
})
