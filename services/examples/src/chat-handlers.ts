import { defineApp, fold } from '@roomway/handlers'
import { z } from 'zod'

const message = z.object({ text: z.string().trim().min(1).max(500), name: z.string().max(40).optional() })

const app = defineApp({
  'chat:{name}': {
    events: { message },
    publish(ctx, { data }) {
      if (data.text.includes('free money')) ctx.reject('spam', 'this is not the place for it')
      ctx.emit('message', data)
      const mentioned = [...data.text.matchAll(/@(\w+)/g)].map(([, user]) => user)
      for (const user of mentioned) ctx.to(`user:${user}`).emit('mention', { room: ctx.room, text: data.text })
      return { mentioned }
    },
    snapshot: fold(
      () => ({ messages: 0, last: [] as unknown[] }),
      ({ messages, last }, { data }) => ({ messages: messages + 1, last: [...last, data].slice(-20) }),
    ),
  },
  'user:{id}': {
    authorize: (ctx) => ctx.action === 'join' && ctx.user === ctx.params.id,
  },
  'cursor:*': 'direct',
})

export default app
