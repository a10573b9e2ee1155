import type { BenchBrokers } from './brokers.js'
import type { LoadProgram } from './load-client.js'

/** What all runs of one invocation share. */
export interface Bench {
  readonly brokers: BenchBrokers
  readonly loadProgram: LoadProgram
  /** Tokens of the gateway's users, one a line. */
  readonly tokensFile: string
  readonly headers: 'foreign' | 'roomway'
  readonly serverOptions: {
    readonly fromSources: boolean
    readonly profileFolder: string | undefined
    readonly slowDownUs: number
    readonly beforeFolder?: string | undefined
  }
  /** Takes traces by OTLP over HTTP, and forgets them. */
  readonly collectorUrl: string
  /** Moves a process to the CPU of its role, where that was asked for. */
  pin(role: 'server' | 'load', pid: number): Promise<void>
}
