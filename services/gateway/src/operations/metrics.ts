import { createMetrics, type Metrics } from '@roomway/telemetry'
import type { Node } from '../node.js'

/** What a node tells Prometheus. Never a room or a user: only what does not grow with the load. */
export function createGatewayMetrics(node: Node): Metrics {
  const { counters, tail } = node
  const metrics = createMetrics()
  metrics.gauge('roomway_connections', 'Open connections', () => counters.connections)
  metrics.counter('roomway_connections_opened_total', 'Connections welcomed', () => counters.connectionsTotal)
  metrics.counter(
    'roomway_connections_refused_total',
    'Connections refused after the upgrade',
    () => counters.refusedTotal,
  )
  metrics.counter('roomway_joins_total', 'Joins taken', () => counters.joinsTotal)
  metrics.counterBy('roomway_resumes_total', 'Resumes by outcome', 'outcome', () => [
    ['recovered', counters.resumesRecovered],
    ['lost', counters.resumesLost],
  ])
  metrics.counterBy('roomway_frames_total', 'Frames by direction', 'direction', () => [
    ['sent', counters.framesSent],
    ['received', counters.framesReceived],
  ])
  metrics.counter('roomway_events_total', 'Events read from the log', () => counters.eventsTotal)
  metrics.counter('roomway_encodings_total', 'Frames encoded for a room, one per format', () => counters.encodedTotal)
  metrics.counter('roomway_publishes_total', 'Publishes taken from clients', () => counters.publishesTotal)
  metrics.gauge(
    'roomway_direct_pending_bytes',
    'Publishes to direct rooms that are not acknowledged yet',
    () => node.direct.pendingBytes,
  )
  metrics.counter(
    'roomway_direct_rewrites_total',
    'Publishes to direct rooms that were written again because the first writing did not count',
    () => counters.outcomeRewrites,
  )
  metrics.counter(
    'roomway_direct_searches_total',
    'Searches of the log for publishes to direct rooms that were sent again',
    () => node.direct.searches,
  )
  metrics.counterBy('roomway_questions_total', 'Questions to the application by outcome', 'outcome', () => [
    ['answered', counters.questionsAnswered],
    ['unanswered', counters.questionsUnanswered],
  ])
  metrics.counter('roomway_errors_total', 'Error frames sent', () => counters.errorsSent)
  metrics.counter('roomway_bad_frames_total', 'Frames that were not valid', () => counters.badFrames)
  metrics.counter('roomway_lagged_total', 'Times a slow connection left the live room', () => counters.laggedTotal)
  metrics.counter('roomway_resets_total', 'Reset frames sent', () => counters.resetsTotal)
  metrics.counter(
    'roomway_gaps_total',
    'Joins and resumes that could not be given all they asked for',
    () => counters.gapsTotal,
  )
  metrics.counterBy(
    'roomway_set_aside_total',
    'Records that are no events, by reason',
    'reason',
    () => counters.setAside,
  )
  metrics.counter(
    'roomway_replays_total',
    'Scans of the log for positions below the recent window',
    () => node.scansTotal,
  )
  metrics.gauge(
    'roomway_log_lag_records',
    'Records of the events log not read yet, all partitions',
    () => node.lag.records,
  )
  metrics.gauge(
    'roomway_followed_partitions',
    'Partitions of the events log that are read',
    () => tail.windows().length,
  )
  metrics.gauge('roomway_window_bytes', 'Memory of the recent window', () => tail.windowBytes)
  metrics.gauge('roomway_window_seconds', 'Events that were read within so many seconds are in the recent window', () =>
    tail.windowSeconds(),
  )
  metrics.histogram(
    'roomway_delivery_seconds',
    'From the time of an event to its being handed to the sockets',
    counters.delivery,
  )
  return metrics
}
