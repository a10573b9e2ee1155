/** A program of the benchmarks that is commanded by lines, and answers each with one line of JSON. It must end with its input, and so with this process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Recorder, repositoryFolder } from '@roomway/testing'

export class LineProcess {
  readonly #process: ChildProcess
  readonly #answers = new Recorder<string>()
  readonly #ended: Promise<never>
  #stderr = ''
  #asked = 0

  /** @param program a TypeScript file of test/bench/programs; it gets `plan` as JSON. */
  constructor(program: string, plan: unknown) {
    const root = repositoryFolder()
    const runTs = join(root, 'infra/setup/run-ts.mjs')
    const file = join(root, 'test/bench/programs', program)
    this.#process = spawn(process.execPath, [runTs, file, JSON.stringify(plan)], { stdio: ['pipe', 'pipe', 'pipe'] })
    createInterface({ input: this.#process.stdout! }).on('line', (line) => this.#answers.push(line))
    this.#process.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.#process.stdin!.on('error', () => {})
    this.#ended = new Promise((_, reject) => {
      this.#process.once('error', reject)
      this.#process.once('close', (code) => reject(new Error(`${program} ended with ${code}: ${this.#stderr}`)))
    })
    this.#ended.catch(() => {})
  }

  get pid(): number {
    return this.#process.pid!
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
