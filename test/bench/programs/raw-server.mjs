/** What all raw pipes share: uWebSockets.js, with a topic for each room, subscribed by `/ws?room=`. */
export function openRawServer(uws) {
  const app = uws.App()
  app.ws('/ws', {
    maxBackpressure: 256 * 1024 * 1024,
    idleTimeout: 120,
    upgrade: (res, req, context) => {
      res.upgrade(
        { room: req.getQuery('room') },
        req.getHeader('sec-websocket-key'),
        req.getHeader('sec-websocket-protocol'),
        req.getHeader('sec-websocket-extensions'),
        context,
      )
    },
    open: (ws) => {
      ws.subscribe(ws.getUserData().room)
    },
  })
  return {
    publish: (room, frame) => app.publish(room, frame),
    listenAnywhere() {
      app.listen('127.0.0.1', 0, (socket) => {
        if (socket === false) throw new Error('no free port on 127.0.0.1')
        console.log(`listening on ${uws.us_socket_local_port(socket)}`)
      })
    },
  }
}
