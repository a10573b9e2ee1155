import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Recorder, repositoryFolder } from '@roomway/testing'

/** How a TypeScript file of test/bench/programs is run. */
export function commandOf(program: string): [string, string, string] {
  const root = repositoryFolder()
  return [process.execPath, join(root, 'infra/setup/run-ts.mjs'), join(root, 'test/bench/programs', program)]
}

/** A program of the benchmarks that is commanded by lines, and answers each with one line of JSON. It must end with its input, and so with this process. */
export class LineProcess {
  readonly #process: ChildProcess
  readonly #answers = new Recorder<string>()
  readonly #ended: Promise<never>
  #stderr = ''
  #asked = 0

  /** @param name what its errors call it. */
  constructor(name: string, [command, ...args]: readonly [string, ...string[]]) {
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#answers.push(line))
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.#process.stdin!.on('error', () => {})
    this.#ended = new Promise((_, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code) => reject(new Error(`${name} ended with ${code}: ${this.#stderr}`)))
    })
    this.#ended.catch(() => {})
  }

  /** @param program a TypeScript file of test/bench/programs; it gets `plan` as JSON. */
  static ofProgram(program: string, plan: unknown): LineProcess {
    return new LineProcess(program, [...commandOf(program), JSON.stringify(plan)])
  }

  get pid(): number {
    return this.#process.pid!
  }

  /** What it wrote to its error output. */
  get complaints(): string {
    return this.#stderr.trim()
  }

  /** The answer to `command`. @throws where the program ends, or does not answer in time. */
  async ask<Answer>(command: string, ms = 60_000): Promise<Answer> {
    const number = this.#asked++
    this.#process.stdin!.write(`${command}\n`)
    const answers = this.#answers.until((lines) => lines.length > number, ms, `an answer to "${command}"`)
    return JSON.parse((await Promise.race([answers, this.#ended]))[number]!) as Answer
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#process.stdin!.end()
    await this.#ended.catch(() => {})
  }
}
