import { isIPv4 } from 'node:net'
import type { AuthConfig, JwtConfig } from './config.js'
import type { SettingValues } from './settings.js'

/** Undefined where faults were added. `serves`: this command opens ports. */
export function authConfig(values: SettingValues, serves: boolean, faults: string[]): AuthConfig | undefined {
  const hasKey = values.ROOMWAY_JWT_SECRET !== undefined || values.ROOMWAY_JWKS_URL !== undefined
  const kind = values.ROOMWAY_AUTH ?? (hasKey ? 'jwt' : 'none')
  if (kind === 'jwt') return jwt(values, faults)
  if (serves && !isLoopback(values.ROOMWAY_HOST) && !values.ROOMWAY_ALLOW_ANONYMOUS_NETWORK) {
    faults.push(
      `ROOMWAY_HOST ${values.ROOMWAY_HOST} is not loopback, and with ROOMWAY_AUTH none everyone who reaches it may do everything: ` +
        'set ROOMWAY_AUTH=jwt with ROOMWAY_JWT_SECRET or ROOMWAY_JWKS_URL, or ROOMWAY_ALLOW_ANONYMOUS_NETWORK=true if that is meant',
    )
  }
  return { kind: 'none' }
}

function jwt(values: SettingValues, faults: string[]): JwtConfig | undefined {
  const key = jwtKey(values)
  if (key === undefined) {
    faults.push('ROOMWAY_AUTH jwt needs one of ROOMWAY_JWT_SECRET and ROOMWAY_JWKS_URL, and not both')
    return undefined
  }
  return {
    kind: 'jwt',
    key,
    issuer: values.ROOMWAY_JWT_ISSUER,
    audience: values.ROOMWAY_JWT_AUDIENCE,
    clockSkewMs: values.ROOMWAY_JWT_CLOCK_SKEW_MS,
  }
}

function jwtKey({ ROOMWAY_JWT_SECRET: secret, ROOMWAY_JWKS_URL: url }: SettingValues): JwtConfig['key'] | undefined {
  if (secret !== undefined && url === undefined) return { kind: 'secret', secret }
  if (url !== undefined && secret === undefined) return { kind: 'jwks', url }
  return undefined
}

/** Whether only this machine can reach a server on that address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
}
