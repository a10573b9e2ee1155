import {
  AuthError,
  type Authenticator,
  findToken,
  type Identity,
  type OriginPolicy,
  originAllowed,
} from '@roomway/auth'
import type { FastifyRequest } from 'fastify'
import { Problem } from './problem.js'

/** Who a request comes from: `Authorization: Bearer …`, and nothing else, so that no page can use what a browser sends by itself. @throws Problem */
export async function identify(authenticator: Authenticator, request: FastifyRequest): Promise<Identity> {
  const token = findToken({ authorization: request.headers.authorization }, '')
  try {
    return await authenticator.authenticate(token)
  } catch (error) {
    if (error instanceof AuthError) throw new Problem(error.code, error.message, { cause: error })
    throw error
  }
}

/** A page that may not connect may not ask either, whatever it could read of the answer. @throws Problem */
export function checkOrigin(policy: OriginPolicy, { headers }: FastifyRequest): void {
  const { origin, host } = headers
  if (originAllowed(origin, host, policy)) return
  const isPage = origin !== undefined && origin !== ''
  throw new Problem(
    'origin',
    isPage
      ? 'pages of this origin are not allowed here'
      : 'without authentication this machine is to be named as localhost, or by the host of a listed origin',
  )
}

const loopbackAddress = /^(::1|(::ffff:)?127(\.\d+){3})$/
const proxyHeaders = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via']
const loopbackHost = /^(localhost|127(\.\d+){3}|\[::1\])(:\d+)?$/i

/**
 * Whether a request was made on this machine and for it. A page whose name was pointed at loopback names itself as `Host`, and
 * what a proxy hands on says so in its headers.
 */
export function isLocal({ socket, headers }: FastifyRequest): boolean {
  const isHandedOn = proxyHeaders.some((name) => headers[name] !== undefined)
  return loopbackAddress.test(socket.remoteAddress ?? '') && loopbackHost.test(headers.host ?? '') && !isHandedOn
}
