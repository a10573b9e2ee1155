import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { deadline } from './deadline.js'
import { freeze } from './freeze.js'
import { Recorder } from './recorder.js'
import { repositoryFolder } from './repository.js'
import { type Exit, TetheredProcess } from './tethered-process.js'

export type NodeProcessOptions = {
  args?: readonly string[]
  /** Added to PATH, HOME, LANG and TMPDIR; nothing else is inherited, so that a test means the same everywhere. */
  env?: Readonly<Record<string, string>>
  /** Working directory. Default: a new temporary folder, removed at the end. */
  cwd?: string
  /** Arguments for Node itself. Default none. */
  nodeArgs?: readonly string[]
}

type Event = { line: string } | { exit: Exit }

/** A Node process of its own: a gateway, an app tier, a client. It dies with the test process. */
export class NodeProcess {
  /** Lines printed so far; wait on them with {@link line} or the recorders' own methods. */
  readonly stdout = new Recorder<string>()
  readonly stderr = new Recorder<string>()
  readonly #events = new Recorder<Event>()
  readonly #process: TetheredProcess
  readonly #ownFolder: string | undefined

  /** @internal Use {@link spawnNode}. */
  constructor(tethered: TetheredProcess, ownFolder: string | undefined) {
    this.#process = tethered
    this.#ownFolder = ownFolder
    const closed = [this.#read(tethered.stdout, this.stdout), this.#read(tethered.stderr, this.stderr)]
    void Promise.all([tethered.exited, ...closed]).then(([exit]) => this.#events.push({ exit }))
  }

  get pid(): number {
    return this.#process.pid
  }

  get running(): boolean {
    return this.#process.running
  }

  /** How it ended; never rejects. */
  get exited(): Promise<Exit> {
    return this.#process.exited
  }

  /**
   * Waits for a line of stdout or stderr, past or future.
   *
   * @throws Error with what was printed, when the process ends without it or after `ms` milliseconds.
   */
  async line(pattern: RegExp, ms = 20_000): Promise<RegExpExecArray> {
    const what = `a line like ${String(pattern)}`
    const matches = (event: Event) => 'exit' in event || pattern.test(event.line)
    const event = await this.#events.find(matches, ms, what).catch((error: unknown) => {
      throw new Error(`${String(error)}. It printed:\n${this.output()}`, { cause: error })
    })
    if ('line' in event) return pattern.exec(event.line)!
    throw new Error(`It ended, ${JSON.stringify(event.exit)}, without ${what}. It printed:\n${this.output()}`)
  }

  /** The last lines of both streams, for messages. */
  output(): string {
    return [...this.stdout.items.slice(-30), ...this.stderr.items.slice(-30)].join('\n')
  }

  /** Sends a signal, where it still runs. */
  signal(signal: NodeJS.Signals): void {
    if (this.running) process.kill(this.pid, signal)
  }

  /** Ends it as a crash does; resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL')
    await this.exited
  }

  /** Freezes it: its connections stay open, and nothing answers from the moment it returns. */
  pause(): void {
    freeze(this.pid)
  }

  /** Lets it go on after {@link pause}. */
  resume(): void {
    this.signal('SIGCONT')
  }

  /** Ends it in good order (SIGTERM). @throws DeadlineError when it has not ended after `ms`; it is not killed then. */
  async stop(ms = 15_000): Promise<Exit> {
    this.signal('SIGTERM')
    return deadline(this.exited, ms, `process ${this.pid} to stop`)
  }

  #read(stream: Readable | null, lines: Recorder<string>): Promise<unknown> {
    if (stream === null) return Promise.resolve()
    const reader = createInterface({ input: stream })
    reader.on('line', (line) => {
      lines.push(line)
      this.#events.push({ line })
    })
    return once(reader, 'close')
  }

  /** Kills it and removes its folder. Idempotent. */
  async close(): Promise<void> {
    await this.#process.end()
    if (this.#ownFolder !== undefined) await rm(this.#ownFolder, { recursive: true, force: true })
  }
}

/**
 * Starts `file`, a path from the repository's root, with this Node. TypeScript is run from its source, and so is every
 * package of the repository that it imports; a JavaScript file is run as it is. Resolves when the process exists: wait
 * with {@link NodeProcess.line} for what it says when it is ready.
 */
export async function spawnNode(file: string, options: NodeProcessOptions = {}): Promise<NodeProcess> {
  const root = repositoryFolder()
  const folder = options.cwd === undefined ? await mkdtemp(join(tmpdir(), 'roomway-process-')) : undefined
  const program = file.endsWith('.ts') ? [join(root, 'infra/setup/run-ts.mjs')] : []
  const command = [
    process.execPath,
    ...(options.nodeArgs ?? []),
    ...program,
    resolve(root, file),
    ...(options.args ?? []),
  ]
  const env = { ...inherited(), ...options.env }
  const cwd = options.cwd ?? folder!
  const tethered = await TetheredProcess.start({ command, env, cwd, ...(folder === undefined ? {} : { folder }) })
  return new NodeProcess(tethered, folder)
}

function inherited(): NodeJS.ProcessEnv {
  const names = ['PATH', 'HOME', 'LANG', 'TMPDIR'].filter((name) => process.env[name] !== undefined)
  return Object.fromEntries(names.map((name) => [name, process.env[name]]))
}
