/**
 * A child process that cannot outlive the process that started it. A shell stands between the two: it starts
 * the program in a process group of its own and reads a pipe whose other end only the test process holds. When that end
 * closes, because `end()` was called or because the test process died in whatever way (SIGKILL too), the shell kills the
 * whole group and removes the program's folder. Signals of a terminal reach neither.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'

/** What to run, and where. */
export type TetheredProgram = {
  /** Words of the command line, the program first. */
  command: readonly string[]
  /** The whole environment of the program. */
  env: NodeJS.ProcessEnv
  /** The program's folder, its working directory; removed when the test process dies. */
  folder: string
  /** A file that receives stdout and stderr, appended to. */
  logFile: string
}

const SHELL = `
log=$1 folder=$2
shift 2
exec 3<&0
set -m
"$@" </dev/null 3<&- >>"$log" 2>&1 &
program=$!
set +m
echo "$program"
{ while read -r _; do :; done; trap '' TERM; kill -KILL -- "-$program"; rm -rf "$folder"; } <&3 >/dev/null 2>&1 &
watch=$!
wait "$program"
kill -KILL -- "-$program"
kill -TERM "$watch"
wait "$watch"
`

/** A running program, bound to the life of this process. */
export class TetheredProcess {
  readonly #shell: ChildProcess
  readonly #exited: Promise<void>
  readonly #program: TetheredProgram
  /** Process id of the program itself, which may be a launcher of the one that matters. */
  readonly pid: number
  #running = true

  private constructor(shell: ChildProcess, pid: number, program: TetheredProgram) {
    this.#shell = shell
    this.#program = program
    this.pid = pid
    this.#exited = shell.exitCode !== null || shell.signalCode !== null ? Promise.resolve() : exit(shell)
    this.#exited = this.#exited.then(() => {
      this.#running = false
    })
  }

  /** Starts `program`; resolves when its process exists, not when it is ready. */
  static async start(program: TetheredProgram): Promise<TetheredProcess> {
    const log = openSync(program.logFile, 'a')
    const shell = spawn('bash', ['-c', SHELL, 'tether', program.logFile, program.folder, ...program.command], {
      cwd: program.folder,
      detached: true,
      env: program.env,
      stdio: ['pipe', 'pipe', log],
    })
    closeSync(log)
    shell.stdin?.on('error', () => undefined)
    const [line] = (await once(shell.stdout!, 'data')) as [Buffer]
    shell.stdout!.resume()
    return new TetheredProcess(shell, Number.parseInt(line.toString(), 10), program)
  }

  get running(): boolean {
    return this.#running
  }

  /** Resolves when the program has ended and everything in its group with it. */
  get exited(): Promise<void> {
    return this.#exited
  }

  /** The last `lines` lines the program has printed, for error messages. */
  tail(lines = 20): string {
    try {
      return readFileSync(this.#program.logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n')
    } catch {
      return '(nothing was printed)'
    }
  }

  /** Kills program and descendants and removes the folder. Idempotent. */
  async end(): Promise<void> {
    this.#shell.stdin?.destroy()
    await this.#exited
  }
}

async function exit(shell: ChildProcess): Promise<void> {
  await once(shell, 'exit')
}
