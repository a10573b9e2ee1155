import type { LocalKafka } from '@roomway/testing'
import type { LoadProgram } from './load-client.js'

/** What all runs of one invocation share. */
export interface Bench {
  readonly kafka: LocalKafka
  readonly loadProgram: LoadProgram
  /** Tokens of the gateway's users, one a line. */
  readonly tokensFile: string
  readonly headers: 'foreign' | 'roomway'
  readonly serverOptions: { readonly fromSources: boolean; readonly profileFolder: string | undefined }
  /** Moves a process to the CPU of its role, where that was asked for. */
  pin(role: 'server' | 'load', pid: number): Promise<void>
}
