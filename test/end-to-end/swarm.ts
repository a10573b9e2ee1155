/*
 * Many clients in one process, each in one room, and the checker: every client must be given the events 0, 1, 2, … of its room, each once, in order,
 * whatever happens to nodes and brokers meanwhile. Prints `joined`, then `done <json>` with what it found.
 */
import { type Client, connect } from '@roomway/client'
import { msgpack } from '@roomway/client/msgpack'
import WebSocket from 'ws'

interface Plan {
  readonly urls: readonly string[]
  readonly clients: number
  readonly rooms: number
  /** Events that each room will have. */
  readonly eventsPerRoom: number
  readonly deadlineMs: number
}

interface Member {
  readonly client: Client
  readonly room: string
  next: number
}

const plan = JSON.parse(process.argv[2]!) as Plan
const findings = { lost: 0, doubled: 0, disordered: 0, resets: 0, reconnects: 0, events: 0 }
const members: Member[] = []
let complete = 0
let finish: () => void = () => {}
const allComplete = new Promise<void>((resolve) => {
  finish = resolve
})

function take(member: Member, n: number): void {
  findings.events++
  if (n < member.next) findings.doubled++
  else if (n > member.next) findings.disordered++
  else member.next++
  if (member.next !== plan.eventsPerRoom || n !== plan.eventsPerRoom - 1) return
  complete++
  if (complete === plan.clients) finish()
}

async function enter(index: number): Promise<void> {
  const urls = [...plan.urls.slice(index % plan.urls.length), ...plan.urls.slice(0, index % plan.urls.length)]
  const options = { webSocket: WebSocket as never, ...(index % 4 === 3 && { codec: msgpack }) }
  const client = connect(urls, options)
  const member: Member = { client, room: `load:${index % plan.rooms}`, next: 0 }
  members.push(member)
  let opened = 0
  client.on('state', (state) => {
    if (state.status === 'open' && opened++ > 0) findings.reconnects++
  })
  const room = await client.join(member.room)
  room.on('reset', () => findings.resets++)
  room.on('event', (event) => take(member, (event.data as { n: number }).n))
}

for (let from = 0; from < plan.clients; from += 100) {
  const batch = Array.from({ length: Math.min(100, plan.clients - from) }, (_, n) => enter(from + n))
  await Promise.all(batch)
}
console.log('joined')
const late = new Promise<void>((resolve) => setTimeout(resolve, plan.deadlineMs).unref())
await Promise.race([allComplete, late])
for (const member of members) findings.lost += Math.max(0, plan.eventsPerRoom - member.next)
console.log(`done ${JSON.stringify(findings)}`)
await Promise.all(members.map(({ client }) => client.close()))
process.exit(0)
