/** What the Socket.IO servers share. */
export const options = { transports: ['websocket'], perMessageDeflate: false, serveClient: false }

/** Clients say which room they want, and are told when they are in it. */
export function letJoin(io) {
  io.on('connection', (socket) => {
    socket.on('join', async (room, joined) => {
      await socket.join(room)
      joined()
    })
  })
  process.once('SIGTERM', () => process.exit(0))
}
