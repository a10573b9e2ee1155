/* A program: asks itself with a header of as many bytes as the argument says, and prints the status of the answer. */
import { get } from 'node:http'
import { loadUws } from '../src/index.js'

const uws = loadUws()
const app = uws.App()
app.get('/', (res) => void res.end('taken'))
app.listen('127.0.0.1', 0, (socket) => {
  const port = socket === false ? 0 : uws.us_socket_local_port(socket)
  get({ port, headers: { authorization: 'x'.repeat(Number(process.argv[2])) }, agent: false }, (response) => {
    console.log(`status ${response.statusCode}`)
    response.resume()
    app.close()
  })
})
