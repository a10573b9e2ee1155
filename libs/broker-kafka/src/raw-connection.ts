/** kafkajs's own connections: what is used of them, and what is mended in them. Its internals, so its version is pinned. */
import { messageOf } from './connection-fault.js'

const timeoutCheckMs = 1_000

interface InFlight {
  readonly sentAt: number
  readonly requestTimeout: number
  timeoutRequest(): void
}

interface RequestQueue {
  readonly pending: readonly unknown[]
  readonly inflight: ReadonlyMap<number, InFlight>
  readonly throttledUntil: number
  requestTimeoutIntervalId?: NodeJS.Timeout
  scheduleCheckPendingRequests(): void
  scheduleRequestTimeoutCheck(): void
  destroy(): void
  rejectAll(error: Error): void
}

export interface RawConnection {
  /** `host:port`. */
  readonly broker: string
  readonly requestQueue: RequestQueue
  readonly socket?: { readonly destroyed: boolean; destroy(error?: Error): void }
  /** What was read and not yet taken as a response. */
  chunks: Buffer[]
  readonly bytesBuffered: number
  processData(bytes: Buffer): void
  isConnected(): boolean
  isAuthenticated(): boolean
  disconnect(): Promise<unknown>
  send(protocol: object): Promise<unknown>
}

export function mend(connection: RawConnection): void {
  quietQueue(connection.requestQueue)
  guardResponses(connection)
}

/**
 * kafkajs re-arms a timer of about a millisecond for ever on each connection, with nothing to check (864 wake-ups a second), and looks
 * for requests that timed out ten times a second. An idle connection should cost nothing: the first only runs where something waits,
 * the second once a second.
 */
function quietQueue(queue: RequestQueue): void {
  const schedule = queue.scheduleCheckPendingRequests.bind(queue)
  queue.scheduleCheckPendingRequests = () => {
    if (queue.pending.length > 0 || queue.throttledUntil > Date.now()) schedule()
  }
  queue.scheduleRequestTimeoutCheck = () => {
    queue.destroy()
    queue.requestTimeoutIntervalId = setInterval(() => timeOut(queue), timeoutCheckMs)
  }
}

function timeOut(queue: RequestQueue): void {
  const nowMs = Date.now()
  for (const request of queue.inflight.values()) {
    if (nowMs - request.sentAt > request.requestTimeout) request.timeoutRequest()
  }
}

/**
 * kafkajs keeps an empty rest of each response, and joins the next one with it: a copy of every response, and the last one held for as long as
 * nothing comes. What it cannot read as a response it throws, out of the socket's event, which would end the process; here it ends the connection.
 */
function guardResponses(connection: RawConnection): void {
  const take = connection.processData.bind(connection)
  connection.processData = (bytes) => {
    if (connection.socket?.destroyed) return
    try {
      take(bytes)
    } catch (cause) {
      // kafkajs passes on the message only.
      const reason = `what ${connection.broker} sent is no response of Kafka: ${messageOf(cause)}`
      connection.socket?.destroy(new Error(reason, { cause }))
    }
    if (connection.bytesBuffered === 0) connection.chunks = []
  }
}
