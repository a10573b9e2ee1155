import type { Client } from './client.js'
import type { AnyEvents } from './events.js'
import type { Address, ClientOptions } from './options.js'
import { SessionClient } from './session-client.js'
import { socketUrl } from './web-socket.js'

/**
 * Connects to a Roomway gateway and stays connected until `close()`: `const client = connect('wss://rooms.example.com')`. Returns at once; joins and publishes
 * made before the connection is up wait for it. Several addresses are tried in turn; `http(s)` stands for `ws(s)`, no path for `/v1/ws`.
 * `Kind` types the rooms: `connect<{ message: { text: string } }>`, or `connect<typeof app>` by an application of `@roomway/handlers`.
 * @throws TypeError for an address that is no URL, for a number of the options that is none above 0, or where there is no WebSocket to be had.
 */
export function connect<Kind extends object = AnyEvents>(address: Address, options: ClientOptions = {}): Client<Kind> {
  if (typeof address !== 'function') checkAddresses([address].flat())
  checkNumbers(options)
  return new SessionClient(address, options) as unknown as Client<Kind>
}

function checkAddresses(addresses: readonly string[]): void {
  if (addresses.length === 0) throw new TypeError('connect needs at least one address')
  for (const address of addresses) socketUrl(address)
}

function checkNumbers(options: ClientOptions): void {
  for (const name of ['maxPendingPublishes', 'maxBufferedEvents', 'connectTimeoutMs'] as const) {
    const value = options[name]
    if (value !== undefined && !(value > 0)) throw new TypeError(`options.${name} must be more than 0, not ${value}`)
  }
}
