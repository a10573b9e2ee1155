import type { UWebSockets } from '@roomway/uws'

export interface RawServer {
  publish(room: string, frame: string): void
  /** On a free port of loopback, which it prints. */
  listenAnywhere(): void
}

export function openRawServer(uws: UWebSockets): RawServer
