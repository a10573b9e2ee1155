import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually, Forwarder, type NodeProcess, spawnNode } from '@roomway/testing'
import type { Replacements } from './launch.js'

export interface SlotOptions {
  readonly name: string
  /** Path from the repository's root. */
  readonly program: string
  readonly env: Readonly<Record<string, string>>
  readonly replacements: Replacements
  /** Where what its processes print is kept, a file for each; undefined: nowhere. */
  readonly logFolder: string | undefined
}

/** The letter that Linux has for it; undefined where there is no such process. */
async function stateOf(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  return text?.slice(text.lastIndexOf(')') + 2)[0]
}

const startMs = 240_000
const stopMs = 20_000
const stoppedMs = 60_000

/**
 * A place for one gateway or app: the process in it is killed, frozen and started again, its address stays. Calls must not overlap.
 */
export class NodeSlot {
  readonly name: string
  /** How often it ended before it listened. */
  failedStarts = 0
  readonly #options: SlotOptions
  readonly #forwarder: Forwarder
  #process: NodeProcess | undefined

  private constructor(options: SlotOptions, forwarder: Forwarder) {
    this.name = options.name
    this.#options = options
    this.#forwarder = forwarder
  }

  static async open(options: SlotOptions): Promise<NodeSlot> {
    return new NodeSlot(options, await Forwarder.open())
  }

  /** Of the forwarder before it. */
  get port(): number {
    return this.#forwarder.port
  }

  get pid(): number {
    return this.#process?.pid ?? 0
  }

  /** Starts it, and again where it ends before it listens, as whatever keeps services running would. Resolves when it listens. */
  async start(): Promise<void> {
    const untilMs = Date.now() + startMs
    for (;;) {
      const process = await this.#spawn()
      try {
        const { input } = await process.line(/listening"/, untilMs - Date.now())
        return this.#forwarder.to((JSON.parse(input) as { port: number }).port)
      } catch (error) {
        if (process.running || Date.now() > untilMs) throw error
        this.failedStarts++
        await this.#end()
      }
    }
  }

  async #spawn(): Promise<NodeProcess> {
    const { program, env, replacements } = this.#options
    const args = [JSON.stringify(replacements), program]
    this.#process = await spawnNode('test/chaos/launch.ts', { args, env })
    return this.#process
  }

  async kill(): Promise<void> {
    await this.#process?.kill()
    await this.#end()
  }

  /** Ends it in good order, and by SIGKILL where that takes too long. @returns whether it ended in good order. */
  async stop(): Promise<boolean> {
    const exit = await this.#process?.stop(stopMs).catch(() => undefined)
    await this.#end()
    return exit !== undefined && 'code' in exit && exit.code === 0
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal)
  }

  /** Resolves when it has stopped. */
  async whenStopped(): Promise<void> {
    await eventually(async () => (await stateOf(this.pid)) === 'T', stoppedMs, `${this.name} to stop`)
  }

  /** Lets it go on, wherever it was stopped, and undoes an order to stop itself. */
  async goOn(): Promise<void> {
    const { pid } = this
    this.signal('SIGCONT')
    await eventually(
      async () => {
        if ((await stateOf(pid)) !== 'T') return true
        this.signal('SIGCONT')
        return false
      },
      10_000,
      `${this.name} to go on`,
    )
  }

  cut(): void {
    this.#forwarder.cut()
  }

  mend(): void {
    this.#forwarder.mend()
  }

  /** What it printed last. */
  output(): string {
    return this.#process?.output() ?? ''
  }

  async close(): Promise<void> {
    await this.#end()
    await this.#forwarder.close()
  }

  async #end(): Promise<void> {
    const process = this.#process
    this.#process = undefined
    if (process === undefined) return
    await process.close()
    const { logFolder } = this.#options
    if (logFolder === undefined) return
    const lines = [...process.stdout.items, ...process.stderr.items]
    await writeFile(join(logFolder, `${this.name.replace(' ', '-')}.${process.pid}.log`), `${lines.join('\n')}\n`)
  }
}
