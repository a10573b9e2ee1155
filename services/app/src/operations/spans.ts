import type { MessageSpan, Tracer } from '@roomway/telemetry'

/** Begins the span of dealing with one record; undefined where its trace is not recorded. */
export type StartSpan = (
  room: string,
  partition: number,
  offset: number,
  traceparent: string | undefined,
) => MessageSpan | undefined

export function spansOf(tracer: Tracer, destination: string): StartSpan {
  return (room, partition, offset, traceparent) =>
    traceparent === undefined ? undefined : tracer.processSpan(destination, room, partition, offset, traceparent)
}
