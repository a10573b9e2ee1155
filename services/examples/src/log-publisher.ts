import type { Log } from '@roomway/broker'
import { headerNames, homeOf } from '@roomway/records'
import type { Publish } from './event-publisher.js'

const encoder = new TextEncoder()

/** Publishes by appending to the events log itself, at the room's home: for a service that runs in the same process as the broker's log. */
export function logPublisher(events: Log): Publish {
  return ({ room, event, data, id }) => {
    const headers = { [headerNames.event]: event, [headerNames.id]: id }
    const value = encoder.encode(JSON.stringify(data))
    return events.append([{ partition: homeOf(room, events.partitions), key: room, headers, value }])
  }
}
