import { trace } from '@opentelemetry/api'
import { connect } from '@roomway/client'
import { startTelemetry } from '@roomway/telemetry'
import WebSocket from 'ws'
import { tracedBy } from './otel-adapter.js'

/** A user's page. Its argument: {@link ClientPlan} as JSON. Prints `event <json>` for each event, and `published <trace id>` for its own. */
export interface ClientPlan {
  readonly url: string
  readonly room: string
  /** What to publish, inside a span of its own; else it joins the room. */
  readonly publish?: unknown
}

const { url, room, publish } = JSON.parse(process.argv[2]!) as ClientPlan
const telemetry = await startTelemetry({
  serviceName: publish === undefined ? 'reader' : 'writer',
  messagingSystem: 'roomway',
  env: process.env,
  logger: console,
  keepsContexts: true,
})
const tracer = trace.getTracer('page')
const client = connect(url, { webSocket: WebSocket, ...tracedBy(tracer) })
process.once('SIGTERM', async () => {
  await client.close()
  await telemetry.shutdown()
})
if (publish === undefined) {
  const joined = await client.join(room)
  joined.on('event', (event) => process.stdout.write(`event ${JSON.stringify(event)}\n`))
  process.stdout.write('joined\n')
} else {
  await tracer.startActiveSpan('click', async (span) => {
    await client.publish(room, 'said', publish)
    span.end()
    process.stdout.write(`published ${span.spanContext().traceId}\n`)
  })
}
