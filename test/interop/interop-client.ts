import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import type { EventFrame } from '@roomway/protocol'
import { cacheFolder, goPath, pythonPath, Recorder, repositoryFolder, run } from '@roomway/testing'

const folder = join(repositoryFolder(), 'test/interop')

/** A client in another language: where it is written, and what runs it, before its arguments ROOM URL…. */
export interface Language {
  readonly name: string
  readonly source: string
  command(): Promise<readonly string[]>
}

export const languages: readonly Language[] = [
  {
    name: 'Python with websockets',
    source: join(folder, 'python/client.py'),
    command: async () => [await pythonPath(), join(folder, 'python/client.py')],
  },
  {
    name: 'Go with gorilla/websocket',
    source: join(folder, 'go/client.go'),
    command: async () => [await builtGoClient()],
  },
]

/** The program made from the present sources. Other runs, and other clones on this machine, may make or run one at the same time. */
async function builtGoClient(): Promise<string> {
  const sources = await Promise.all(['client.go', 'go.mod', 'go.sum'].map((name) => readFile(join(folder, 'go', name))))
  const hash = createHash('sha256').update(Buffer.concat(sources)).digest('hex').slice(0, 16)
  const program = join(cacheFolder(), `interop-client-go-${hash}`)
  if (existsSync(program)) return program
  const made = `${program}.${process.pid}`
  await run(goPath(), ['build', '-o', made, '.'], { cwd: join(folder, 'go') })
  await rename(made, program)
  return program
}

/** Such a client as a process: what it prints, and what it is given to publish. */
export class InteropClient {
  /** The frames of events that it printed. */
  readonly events = new Recorder<EventFrame>()
  /** What it says about itself. */
  readonly notes = new Recorder<string>()
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly exited: Promise<unknown>

  constructor([program, ...args]: readonly string[], room: string, urls: readonly string[]) {
    this.#process = spawn(program!, [...args, room, ...urls], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.exited = once(this.#process, 'exit')
    createInterface(this.#process.stdout).on('line', (line) => this.events.push(JSON.parse(line) as EventFrame))
    createInterface(this.#process.stderr).on('line', this.notes.push)
  }

  note(pattern: RegExp, ms = 30_000): Promise<string> {
    return this.notes.find((note) => pattern.test(note), ms, `a note like ${String(pattern)}`)
  }

  publish(line: string): void {
    this.#process.stdin.write(`${line}\n`)
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.exited
  }
}
