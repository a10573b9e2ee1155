export interface OriginPolicy {
  /** Whether authentication is off: then, unless origins are named, only pages on loopback are let in. */
  readonly anonymous: boolean
  /** `https://app.example.com`; `https://*.example.com` (every subdomain, not the domain itself); `*` (every page). Undefined: the default. */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Whether only this machine can reach the server. Default false. */
  readonly isLocal?: boolean
}

interface Origin {
  readonly scheme: string
  readonly host: string
  /** Empty where it is the scheme's own. */
  readonly port: string
}

/**
 * Whether a page of this Origin may connect, against cross-site WebSocket hijacking. Without an Origin it is no browser's
 * page, or reads from the host that it came from, and is allowed; but a server that is for this machine only, and asks nobody who he is, must be
 * called by one of this machine's names then, or a listed one: any page's own name can be pointed at loopback (DNS rebinding). `null` (a sandboxed
 * frame, a file) is refused always. Without a list of origins: pages on loopback where authentication is off, else pages from the host that the
 * request names.
 * @param origin the header `Origin`. @param host the header `Host`, with the port where it is not the scheme's own.
 */
export function originAllowed(origin: string | undefined, host: string | undefined, policy: OriginPolicy): boolean {
  if (origin === undefined || origin === '')
    return !(policy.anonymous && policy.isLocal === true) || isOurs(host, policy)
  const page = parseOrigin(origin)
  if (page === undefined) return false
  if (policy.allowedOrigins !== undefined) return policy.allowedOrigins.some((pattern) => matches(page, pattern))
  return policy.anonymous ? isLoopback(page) : isSameHost(page, host)
}

/** No browser leaves its `Host` out. */
function isOurs(host: string | undefined, { allowedOrigins = [] }: OriginPolicy): boolean {
  if (host === undefined || host === '') return true
  return ['http', 'https'].some((scheme) => {
    const page = parseOrigin(`${scheme}://${host}`)
    return page !== undefined && (isLoopback(page) || allowedOrigins.some((pattern) => matches(page, pattern)))
  })
}

function parseOrigin(text: string): Origin | undefined {
  const [, scheme, authority] = /^([a-z][a-z0-9+.-]*):\/\/([^/\\?#@\s]+)$/i.exec(text) ?? []
  if (scheme === undefined || authority === undefined) return undefined
  return atHost(scheme.toLowerCase(), authority)
}

/** `URL` knows the default port and the canonical form of a host only for the web's own schemes: others keep their text. */
function atHost(scheme: string, authority: string): Origin | undefined {
  const address = `${scheme}://${authority}`
  if (!URL.canParse(address)) return undefined
  const { hostname, port } = new URL(address)
  return { scheme, host: hostname.toLowerCase(), port }
}

function matches(page: Origin, pattern: string): boolean {
  if (pattern === '*') return true
  const wanted = parseOrigin(pattern.replace('://*.', '://'))
  if (wanted === undefined || wanted.scheme !== page.scheme || wanted.port !== page.port) return false
  return pattern.includes('://*.') ? page.host.endsWith(`.${wanted.host}`) : page.host === wanted.host
}

function isLoopback({ scheme, host }: Origin): boolean {
  if (scheme !== 'http' && scheme !== 'https') return false
  return host === 'localhost' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host)
}

/** A proxy may have taken TLS off, so the page's own scheme says what port a bare host means. */
function isSameHost(page: Origin, host = ''): boolean {
  const here = parseOrigin(`${page.scheme}://${host}`)
  return here !== undefined && here.host === page.host && here.port === page.port
}
