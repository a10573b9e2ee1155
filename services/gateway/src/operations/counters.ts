import { DurationHistogram } from '@roomway/telemetry'

/** What the node counts: plain integers on the hot path, read when metrics are asked for. */
export class Counters {
  connections = 0
  connectionsTotal = 0
  refusedTotal = 0
  joinsTotal = 0
  resumesRecovered = 0
  resumesLost = 0
  resetsTotal = 0
  framesSent = 0
  framesReceived = 0
  badFrames = 0
  errorsSent = 0
  eventsTotal = 0
  /** Frames handed to the transport for a topic, one per format. */
  encodedTotal = 0
  publishesTotal = 0
  /** Outcomes of publishes to direct rooms that were written again because the first did not count. */
  outcomeRewrites = 0
  questionsAnswered = 0
  /** Not answered in time, or at all. */
  questionsUnanswered = 0
  laggedTotal = 0
  /** Times a client could not be given everything it asked for: expired, ahead, or of another epoch. */
  gapsTotal = 0
  /** From an event's time to its being handed to the sockets. */
  readonly delivery = new DurationHistogram()
  readonly setAside = new Map<string, number>()

  noteSetAside(reason: string): void {
    this.setAside.set(reason, (this.setAside.get(reason) ?? 0) + 1)
  }
}
