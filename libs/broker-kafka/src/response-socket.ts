/**
 * Sockets for kafkajs that read into one piece of memory and hand over whole responses. Its own let Node allocate 64 KiB for each read, of which mostly little
 * is used, and are joined to a response afterwards, all of it garbage that V8 counts as the program's.
 */
import { connect, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { ResponseAssembler } from './response-assembler.js'

const keepAliveMs = 60_000
/**
 * Of all sockets: what is read is copied before the next read, in the same step. At nine tenths of a machine's CPU and while clients came back, what was live
 * waited twice as long with 256 KiB, and with 64 replays took longer (docs/benchmarks.md).
 */
const readBuffer = Buffer.allocUnsafeSlow(128 * 1024)

export interface ResponseSocketOptions {
  readonly host: string
  readonly port: number
  readonly ssl?: ConnectionOptions | undefined
  readonly onConnect: () => void
}

/** `data` comes once for each response, with its length before it. */
export function openResponseSocket({ host, port, ssl, onConnect }: ResponseSocketOptions): Socket {
  const responses = new ResponseAssembler((bytes) => socket.emit('data', bytes))
  const callback = (length: number): boolean => {
    responses.take(readBuffer.subarray(0, length))
    return true
  }
  const options = { host, port, onread: { buffer: readBuffer, callback } }
  const name = isIP(host) === 0 ? { servername: host } : {}
  const socket: Socket = ssl ? connectTls({ ...options, ...name, ...ssl }, onConnect) : connect(options, onConnect)
  socket.setKeepAlive(true, keepAliveMs)
  return socket
}
