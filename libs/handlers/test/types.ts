/* What the compiler must say of definitions; `tsc -p tsconfig.test.json` checks it, and it is never run. */
import { z } from 'zod'
import { type Application, defineApp, fold } from '../src/index.js'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <A, B>(_same: Same<A, B>): void => undefined

const app = defineApp({
  'chat:{id}': {
    events: {
      message: z.object({ text: z.string(), at: z.coerce.number().default(0) }),
      typing: z.boolean(),
    },
    authorize: (ctx) => {
      same<typeof ctx.params, { readonly id: string }>(true)
      if (ctx.action === 'join') return ctx.event === undefined
      if (ctx.event.event === 'typing') same<typeof ctx.event.data, boolean>(true)
      return ctx.user === undefined ? ctx.reject('anonymous', 'sign in') : true
    },
    publish: async (ctx, event) => {
      if (event.event === 'message') same<typeof event.data, { text: string; at: number }>(true)
      ctx.emit('message', { text: 'hello' })
      ctx.emit('typing', true)
      // @ts-expect-error the data of another event
      ctx.emit('typing', { text: 'hello' })
      // @ts-expect-error no such event
      ctx.emit('mesage', { text: 'hello' })
      // @ts-expect-error no such parameter
      same<typeof ctx.params.name, string>(true)
      ctx.to(`user:${ctx.params.id}`).emit('whatever', [1])
      return { ok: true }
    },
    deadlineMs: 2000,
  },
  'game:{id}:move:{player}': {
    publish: (ctx, event) => {
      same<typeof ctx.params, { readonly id: string; readonly player: string }>(true)
      same<typeof event.event, string>(true)
      same<typeof event.data, unknown>(true)
      ctx.emit('anything', 1)
    },
  },
  lobby: {
    events: { message: z.string() },
    publish: (_ctx, event) => (event.data === '' ? undefined : event.data.length),
    snapshot: fold(
      () => ({ count: 0 }),
      ({ count }) => ({ count: count + 1 }),
    ),
  },
  quiet: { events: { message: z.string() } },
  'cursor:*': 'direct',
})

const application: Application = app
type Rooms = NonNullable<(typeof app)['~rooms']>
same<Rooms['chat:{id}']['answer'], { ok: boolean }>(true)
same<Rooms['chat:{id}']['events']['message'], { text: string; at?: unknown }>(true)
same<Rooms['game:{id}:move:{player}']['answer'], null>(true)
same<Rooms['lobby']['answer'], number | null>(true)
same<Rooms['quiet']['answer'], null>(true)
same<Rooms['cursor:*']['events'], Readonly<Record<string, unknown>>>(true)

// @ts-expect-error a schema of no library
defineApp({ a: { events: { message: 42 } } })
// @ts-expect-error neither a definition nor direct
defineApp({ a: 'indirect' })
// @ts-expect-error authorize answers with a boolean
defineApp({ a: { authorize: () => 'yes' } })
// @ts-expect-error a snapshot states its position
defineApp({ a: { snapshot: () => ({ data: 1 }) } })
// @ts-expect-error no such member
defineApp({ a: { onPublish: () => true } })

export { application }
