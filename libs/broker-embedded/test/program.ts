import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const runner = fileURLToPath(new URL('../../../infra/setup/run-ts.mjs', import.meta.url))
const writer = fileURLToPath(new URL('./programs/writer.ts', import.meta.url))

/** A writer in a process of its own. It ends when this process does. */
export class WriterProcess {
  readonly lines: string[] = []
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  readonly #watchers = new Set<() => void>()

  constructor(dataDir: string, name: string) {
    this.#child = spawn(process.execPath, [runner, writer, dataDir, name], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#closed = once(this.#child, 'close')
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.lines.push(line)
      for (const watcher of this.#watchers) watcher()
    })
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Resolves once it has printed `count` lines that begin with `start`; rejects if it ends before. */
  async untilLines(start: string, count: number): Promise<void> {
    let [looked, found] = [0, 0]
    const enough = (): boolean => {
      while (looked < this.lines.length) if (this.lines[looked++]!.startsWith(start)) found += 1
      return found >= count
    }
    let watcher = (): void => undefined
    const printed = new Promise<void>((resolve) => {
      watcher = () => enough() && resolve()
    })
    this.#watchers.add(watcher)
    watcher()
    const ended = this.#closed.then(() => Promise.reject(new Error(`It ended after ${this.lines.length} lines.`)))
    await Promise.race([printed, ended]).finally(() => this.#watchers.delete(watcher))
  }

  /** Kills it as a crash does; resolves when everything it printed has been read. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}
