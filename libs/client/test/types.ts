/* What the compiler must say of typed clients; `tsc -p tsconfig.test.json` checks it, and it is never run. */
import { connect } from '../src/index.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>): void => undefined

type Message = { readonly message: { text: string }; readonly typing: boolean }

/** What @roomway/handlers gives, as far as the client knows of it. */
interface App {
  readonly decide: () => void
  readonly '~rooms'?: {
    readonly 'chat:lobby': { readonly events: { readonly lobby: 1 }; readonly answer: 'lobby' }
    readonly 'chat:{id}': { readonly events: Message; readonly answer: { ok: boolean } }
    readonly 'chat:{id}:seen:*': { readonly events: { readonly seen: number }; readonly answer: null }
    readonly 'log:**': { readonly events: { readonly line: string }; readonly answer: null }
    readonly 'log:{id}': { readonly events: { readonly entry: string }; readonly answer: null }
  }
}

async function byApplication(id: string) {
  const client = connect<App>('ws://x')
  const chat = await client.join(`chat:${id}`)
  await chat.publish('message', { text: 'hi' })
  // @ts-expect-error data of another event
  await chat.publish('typing', { text: 'hi' })
  // @ts-expect-error no such event
  await chat.publish('mesage', { text: 'hi' })
  same<Awaited<ReturnType<typeof chat.request>>, { ok: boolean }>(true)
  chat.on('event', (event) => {
    same<typeof event.isOwn, boolean>(true)
    if (event.event === 'message') same<typeof event.data, { text: string }>(true)
    // @ts-expect-error no such event
    if (event.event === 'seen') return
  })
  for await (const { event } of await client.join('chat:1')) same<typeof event, 'message' | 'typing'>(true)

  // The narrowest pattern is the room's.
  const lobby = await client.join('chat:lobby')
  same<Awaited<ReturnType<typeof lobby.request>>, 'lobby'>(true)
  await client.publish('chat:1:seen:ann', 'seen', 7)
  await client.publish('log:1', 'entry', 'x')
  await client.publish('log:1:2', 'line', 'x')
  // @ts-expect-error of log:**, which does not match here first
  await client.publish('log:1', 'line', 'x')
  // @ts-expect-error of another room
  await client.publish('chat:1:seen:ann', 'message', { text: 'hi' })
  const answer = await client.request('chat:1', 'typing', true, { timeoutMs: 100 })
  same<typeof answer, { ok: boolean }>(true)
  await client.room('chat:1')?.publish('typing', false)

  // What no pattern is known to match takes anything.
  await client.publish('elsewhere', 'anything', 1)
  await client.publish(id, 'anything', 1)
}

async function byNames(id: string) {
  const client = connect<Message>('ws://x')
  const room = await client.join(id)
  await room.publish('message', { text: 'hi' })
  // @ts-expect-error data of another event
  await room.publish('message', true)
  // @ts-expect-error no such event
  await client.publish('chat:1', 'seen', 7)
  const answer = await room.request('typing', true)
  same<typeof answer, unknown>(true)
}

async function untyped(id: string) {
  const client = connect('ws://x')
  const room = await client.join(id)
  await room.publish('anything', 1)
  room.on('event', ({ data }) => same<typeof data, unknown>(true))
}

export { byApplication, byNames, untyped }
