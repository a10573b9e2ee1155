import type { Command, Config, Environment } from '@roomway/config'

/** Where a command reads and writes; tests and the composition root give it. */
export interface Surroundings {
  readonly env: Environment
  /** Text for people and for pipes. */
  print(text: string): void
  /** What is not part of the answer: progress, faults. */
  note(text: string): void
  /** Whether notes are read by a person. */
  readonly isTerminal: boolean
  /** All of standard input, as text. */
  readInput(): Promise<string>
  /** Resolves with the name of the signal that asks the process to end. Until it is called, signals end the process as usual. */
  stopped(): Promise<NodeJS.Signals>
}

export interface Context extends Surroundings {
  /** @throws ConfigError that lists every fault. */
  config(command: Command): Promise<Config>
}

/** The command line was wrong: exit code 2, with a hint at `--help`. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A fault that has a code by which programs know it: the gateway's, the application tier's or the system's. */
export class CodedError extends Error {
  readonly code: string | undefined

  constructor(code: string | undefined, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** As `--json` says faults. */
export function faultObject(error: Error & { readonly code?: unknown }): object {
  const { code, message } = error
  return typeof code === 'string' ? { code, message } : { message }
}

/** What a command line ends with: done, failed, or wrongly used. */
export type ExitCode = 0 | 1 | 2
