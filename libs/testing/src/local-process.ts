import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeadlineError, deadline, eventually } from './deadline.js'
import { freeze } from './freeze.js'
import { TetheredProcess } from './tethered-process.js'

/** How a {@link LocalProcess} is run. */
export type LocalProgram = {
  /** What messages call it. */
  name: string
  /** Its working folder; removed at the end. */
  folder: string
  command: readonly string[]
  env: NodeJS.ProcessEnv
  /** Whether it answers. Asked until it does. */
  isReady(): Promise<boolean>
  /** The process that matters, given that of the command, which may be a launcher. Asked once it is ready. */
  findPid(launcher: number): Promise<number>
}

const START_MS = 90_000
const STOP_MS = 30_000

/**
 * A server in a child process that can be stopped, killed, frozen and started again on the same port and data.
 * Calls on one object must not overlap.
 */
export class LocalProcess {
  readonly #program: LocalProgram
  #process: TetheredProcess | undefined
  #pid = 0

  constructor(program: LocalProgram) {
    this.#program = program
  }

  /** Process id of the server, while it runs. */
  get pid(): number {
    if (this.#process?.running !== true) throw new Error(`${this.#program.name} does not run`)
    return this.#pid
  }

  /** File with what the server prints. */
  get logFile(): string {
    return join(this.#program.folder, 'output.log')
  }

  /** Starts the server, on the data it had, where it does not run; resolves when it answers. */
  async start(): Promise<void> {
    if (this.#process?.running === true) return
    const { name, folder, command, env } = this.#program
    const tethered = await TetheredProcess.start({ command, env, cwd: folder, folder, logFile: this.logFile })
    this.#process = tethered
    await this.#answering(tethered).catch(async (error: unknown) => {
      const said = await this.#lastLines()
      await tethered.end()
      throw new Error(`${name} did not start: ${String(error)}. It printed:\n${said}`, { cause: error })
    })
    this.#pid = await this.#program.findPid(tethered.pid)
  }

  async #lastLines(): Promise<string> {
    const said = await readFile(this.logFile, 'utf8').catch(() => '(nothing)')
    return said.trimEnd().split('\n').slice(-20).join('\n')
  }

  async #answering(tethered: TetheredProcess): Promise<void> {
    const program = this.#program
    await eventually(() => !tethered.running || program.isReady(), START_MS, `${program.name} to answer`)
    if (!tethered.running) throw new Error('it ended at once')
  }

  /** Ends the server in good order (SIGTERM, and SIGKILL after 30 s); its data stay. */
  async stop(): Promise<void> {
    if (this.#process?.running !== true) return
    process.kill(this.#pid, 'SIGTERM')
    await deadline(this.#process.exited, STOP_MS, `${this.#program.name} to stop`).catch((error: unknown) => {
      if (error instanceof DeadlineError) return this.kill()
      throw error
    })
  }

  /** Ends the server as a crash does (SIGKILL); its data stay. */
  async kill(): Promise<void> {
    if (this.#process?.running !== true) return
    process.kill(this.#pid, 'SIGKILL')
    await this.#process.exited
  }

  /** Freezes the server: connections stay open, and nothing answers from the moment it returns. */
  pause(): void {
    freeze(this.pid)
  }

  /** Lets a paused server go on (SIGCONT). */
  resume(): void {
    process.kill(this.pid, 'SIGCONT')
  }

  /** Kills the server and removes its folder. Idempotent. */
  async close(): Promise<void> {
    await this.#process?.end()
    await rm(this.#program.folder, { recursive: true, force: true })
  }
}
