import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { deadline } from '../src/deadline.js'
import { Forwarder } from '../src/forwarder.js'

let echo: Server
let forwarder: Forwarder

beforeEach(async () => {
  echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  forwarder = await Forwarder.open((echo.address() as AddressInfo).port)
})
afterEach(async () => {
  await forwarder.close()
  echo.close()
})

/** What comes back of a word, and the socket. */
async function say(word: string) {
  const socket = connect(forwarder.port, '127.0.0.1').on('error', () => undefined)
  socket.write(word)
  const [answer] = (await deadline(once(socket, 'data'), 10_000, 'the echo')) as [Buffer]
  return { socket, answer: answer.toString() }
}

test('what is said through it reaches what is behind it, and the answer comes back', async () => {
  expect((await say('hello')).answer).toBe('hello')
})

test('a cut ends its connections and refuses others until it is mended', async () => {
  const { socket } = await say('hello')
  const ended = once(socket, 'close')
  forwarder.cut()
  await deadline(ended, 10_000, 'the end of the connection')
  const refused = connect(forwarder.port, '127.0.0.1').on('error', () => undefined)
  await deadline(once(refused.resume(), 'close'), 10_000, 'the end of the new one')
  forwarder.mend()
  expect((await say('again')).answer).toBe('again')
})

test('a connection whose client sends what is fatal ends, and what is behind never hears it', async () => {
  const { socket } = await say('hello')
  const heard: string[] = []
  echo.on('connection', (other) => other.on('data', (chunk) => heard.push(chunk.toString())))
  const { socket: second } = await say('again')
  forwarder.cutOn((sent) => sent.toString() === 'fatal')
  const ended = once(second, 'close')
  second.write('fatal')
  await deadline(ended, 10_000, 'the end of the connection')
  const answer = once(socket, 'data')
  socket.write('others go on')
  expect(String((await deadline(answer, 10_000, 'the echo'))[0])).toBe('others go on')
  expect(heard).toEqual(['again'])
})
