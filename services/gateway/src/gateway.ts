import type { Broker, Logger } from '@roomway/broker'
import type { Config } from '@roomway/config'
import type { Answers } from '@roomway/handlers'
import type { Metrics, Tracer } from '@roomway/telemetry'

export interface GatewayOptions {
  readonly broker: Broker
  readonly config: Config
  readonly logger: Logger
  /** Default: records nothing. */
  readonly tracer?: Tracer
  /** The application, where it runs in this process. Default: it is asked over HTTP, at `config.appUrl`. */
  readonly application?: Answers
  /** Of what else runs in this process: `/metrics` tells them with the gateway's own. No name may be in both. Default none. */
  readonly metrics?: Metrics
  /** How long a reading of the log waits for others that need the same partition, in ms. Default 15; 0: not at all. */
  readonly replayGatherMs?: number
}

/** A running connection node. */
export interface Gateway {
  /** Where clients connect. */
  readonly port: number
  /** Where `/metrics` is; undefined where none was asked for. */
  readonly adminPort: number | undefined
  /** Why it should get no new clients; empty when it may. */
  unready(): readonly string[]
  /** Closes the listener, every connection (1012: reconnect) and what was opened; the broker is its owner's to close. Idempotent. */
  close(): Promise<void>
}
