import { describe, expect, test } from '@jest/globals'
import { EventNumbers } from './programs/event-numbers.js'

function seen(...numbers: (number | 'forget')[]): EventNumbers {
  const events = new EventNumbers(10)
  for (const n of numbers) {
    if (n === 'forget') events.forget()
    else events.take(n)
  }
  return events
}

describe('the numbers of a room’s events', () => {
  test('say nothing where each follows the one before', () => {
    expect(seen(3, 13, 23, 33)).toMatchObject({ lost: 0, doubled: 0, last: 33 })
  })

  test('tell how many were lost, and how many came again', () => {
    expect(seen(3, 33, 43)).toMatchObject({ lost: 2, doubled: 0 })
    expect(seen(3, 13, 13, 23, 3)).toMatchObject({ lost: 0, doubled: 2, last: 23 })
  })

  test('begin anew where the client goes to another room', () => {
    expect(seen(3, 13, 'forget', 77, 87)).toMatchObject({ lost: 0, doubled: 0 })
  })
})
