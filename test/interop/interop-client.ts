import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
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
    async command() {
      const program = join(cacheFolder(), 'interop-client-go')
      await run(goPath(), ['build', '-o', program, '.'], { cwd: join(folder, 'go') })
      return [program]
    },
  },
]

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
