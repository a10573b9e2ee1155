/*
 * Latencies of single publishes at a gentle rate, over plain WebSockets: from handing the frame over to its `ack`, and to the event at
 * another connection. Prints one line of JSON.
 */
import { WebSocket } from 'ws'

interface Plan {
  readonly url: string
  readonly tokens: readonly [string, string]
  readonly room: string
  readonly publishes: number
  readonly perSecond: number
}

const plan = JSON.parse(process.argv[2]!) as Plan
const warmUp = Math.round(plan.publishes / 5)
const ackMs: number[] = []
const eventMs: number[] = []
const sentMs = new Map<number, number>()
const data = 'x'.repeat(96)

async function open(token: string): Promise<WebSocket> {
  const socket = new WebSocket(plan.url, ['roomway.v1.json'], { headers: { authorization: `Bearer ${token}` } })
  await new Promise((resolve, reject) => socket.once('message', resolve).once('error', reject))
  return socket
}

const [publisher, listener] = await Promise.all(plan.tokens.map(open))
const isJoined = new Promise((resolve) => {
  listener!.on('message', (message: Buffer) => {
    const frame = JSON.parse(message.toString()) as { type: string; data?: { n: number } }
    if (frame.type === 'joined') resolve(undefined)
    if (frame.type === 'event') note(eventMs, frame.data!.n)
  })
})
listener!.send(JSON.stringify({ type: 'join', id: 1, room: plan.room }))
await isJoined
publisher!.on('message', (message: Buffer) => {
  const frame = JSON.parse(message.toString()) as { type: string; id: number; code?: string }
  if (frame.type === 'error') throw new Error(`refused: ${message.toString()}`)
  if (frame.type === 'ack') note(ackMs, frame.id)
})

function note(into: number[], n: number): void {
  const sent = sentMs.get(n)
  if (sent !== undefined && n > warmUp) into.push(performance.now() - sent)
}

const startMs = performance.now()
for (let n = 1; n <= plan.publishes; n++) {
  const waitMs = startMs + (n * 1_000) / plan.perSecond - performance.now()
  if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
  sentMs.set(n, performance.now())
  publisher!.send(JSON.stringify({ type: 'publish', id: n, room: plan.room, data: { n, data } }))
}
const expected = plan.publishes - warmUp
const endMs = performance.now() + 10_000
while ((ackMs.length < expected || eventMs.length < expected) && performance.now() < endMs)
  await new Promise((resolve) => setTimeout(resolve, 20))
const median = (values: number[]) => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
console.log(
  JSON.stringify({
    acks: ackMs.length,
    events: eventMs.length,
    expected,
    ackP50Ms: median(ackMs),
    eventP50Ms: median(eventMs),
  }),
)
process.exit(0)
