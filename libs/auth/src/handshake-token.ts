/** The headers of a handshake in which a token may come; undefined or empty where absent. The URL is no place for one: it is logged everywhere. */
export interface HandshakeHeaders {
  readonly authorization?: string | undefined
  readonly cookie?: string | undefined
  /** `Sec-WebSocket-Protocol`, all items. */
  readonly protocols?: string | undefined
}

/**
 * Finds the token: `Authorization: Bearer …`, else a subprotocol item `bearer.<token>`, else the cookie. Undefined where there is
 * none; it may still come in the first frame.
 */
export function findToken(headers: HandshakeHeaders, cookieName: string): string | undefined {
  return bearer(headers.authorization) ?? fromProtocols(headers.protocols) ?? fromCookie(headers.cookie, cookieName)
}

function bearer(authorization = ''): string | undefined {
  return /^bearer +(\S+)\s*$/i.exec(authorization)?.[1]
}

function fromProtocols(protocols = ''): string | undefined {
  const item = protocols.split(',').find((candidate) => candidate.trim().startsWith('bearer.'))
  return item?.trim().slice('bearer.'.length) || undefined
}

function fromCookie(header = '', name: string): string | undefined {
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals > 0 && pair.slice(0, equals).trim() === name) return cookieValue(pair.slice(equals + 1).trim())
  }
  return undefined
}

function cookieValue(raw: string): string | undefined {
  const value = raw.startsWith('"') && raw.endsWith('"') ? raw.slice(1, -1) : raw
  try {
    return decodeURIComponent(value) || undefined
  } catch {
    return value // not percent-encoded, then
  }
}
