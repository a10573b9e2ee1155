import { type Client, connect } from '@roomway/client'

const loopback = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Connects to the gateway that the server of this page names. */
export async function connectGateway<Events extends object>(): Promise<Client<Events>> {
  const response = await fetch('/config.json')
  const { gatewayUrl } = (await response.json()) as { gatewayUrl: string }
  return connect<Events>(seenFromHere(gatewayUrl))
}

/** A gateway on the server's own loopback is where this page came from, seen from here. */
function seenFromHere(gatewayUrl: string): string {
  const url = new URL(gatewayUrl)
  if (loopback.has(url.hostname)) url.hostname = location.hostname
  return url.href
}
