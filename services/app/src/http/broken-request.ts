import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem, problemType, sendProblem } from './problem.js'

/** An address that leads nowhere because it cannot be read. */
export function refuseAddress(_error: Error, _request: FastifyRequest, reply: FastifyReply): void {
  sendProblem(reply, new Problem('bad_request', 'the address is not valid, or too long'))
}

const faults: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'the head of the request is too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'the request did not come in whole in time'],
}

/** Answers what is no request of HTTP, or came only in part, and ends the connection. */
export function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy(error)
  const [status, detail] = faults[error.code ?? ''] ?? [400, 'this is no request of HTTP']
  const body = JSON.stringify(new Problem('bad_request', detail, { status }).details)
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
