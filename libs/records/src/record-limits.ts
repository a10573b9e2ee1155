import type { RecordHeaders } from '@roomway/broker'

/** With its envelope it fits into what a Kafka topic takes by default (1 MiB). */
export const maxValueBytes = 1_000_000
/** Three times as many bytes at most: they fit there beside such a value, and into a table of AMQP (64 KiB). */
export const maxHeaderChars = 15_000
const headerOverheadChars = 2

/** Whether every log takes these headers beside a value of up to `maxValueBytes`. */
export function headersFit(headers: RecordHeaders): boolean {
  let chars = 0
  for (const name in headers) chars += name.length + headers[name]!.length + headerOverheadChars
  return chars <= maxHeaderChars
}
