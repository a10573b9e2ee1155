import type { FastifyReply } from 'fastify'

/** Resolves when an answer was handed to the system in whole, or never will be because its connection is gone. */
export function answerEnd({ raw, request }: FastifyReply): Promise<void> {
  const { socket } = request.raw
  // What closed before says so no more.
  if (socket.destroyed) return Promise.resolve()
  return new Promise((resolve) => {
    const end = () => {
      raw.off('close', end)
      socket.off('close', end)
      resolve()
    }
    raw.once('close', end)
    // An answer that waits behind others of its connection is not told when that goes. A client may pipeline any number: no leak to warn of.
    socket.setMaxListeners(0).once('close', end)
  })
}
