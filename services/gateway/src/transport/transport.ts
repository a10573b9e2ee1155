import type { CloseName, WireFormat } from '@roomway/protocol'

/** One client's link, as a transport offers it. A closed one ignores every call. */
export interface Socket {
  readonly format: WireFormat
  readonly remoteAddress: string
  /** Sends a frame after everything that was published to this socket before. */
  send(frame: string | Uint8Array): void
  /** Runs `sends` so that the frames they send share system calls. */
  cork(sends: () => void): void
  subscribe(topic: string): void
  unsubscribe(topic: string): void
  bufferedBytes(): number
  /** Ends the link with one of the protocol's close codes. */
  close(name: CloseName): void
}

/** Sends one frame to every socket that subscribed to a topic. The frame may be overwritten after the call. */
export type PublishToTopic = (topic: string, frame: Uint8Array, format: WireFormat) => void
