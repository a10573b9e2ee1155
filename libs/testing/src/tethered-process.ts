/**
 * A child process that cannot outlive the process that started it. A shell stands between the two: it starts
 * the program in a process group of its own and reads a pipe whose other end only the test process holds. When that end
 * closes, because `end()` was called or because the test process died in whatever way (SIGKILL too), the shell kills the
 * whole group and removes the program's folder. Signals of a terminal reach neither.
 */
import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import type { Readable } from 'node:stream'

/** What to run, and where. */
export type TetheredProgram = {
  /** Words of the command line, the program first. */
  command: readonly string[]
  /** The whole environment of the program. */
  env: NodeJS.ProcessEnv
  /** Working directory. */
  cwd: string
  /** A folder to be removed when the test process ends before the program. */
  folder?: string
  /** A file that receives stdout and stderr, appended to; absent: they are piped to this process. */
  logFile?: string
}

/** How a process ended: by itself with a code, or by a signal. */
export type Exit = { code: number } | { signal: number }

/** A program that ends by signal n makes the shell exit with 128 + n, as shells do. */
const SHELL = `
folder=$1
shift
set -m
"$@" </dev/null 3>&- &
program=$!
set +m
echo "$program" >&3
exec 2>/dev/null 3<&0
{
  while read -r _; do :; done
  trap '' TERM
  kill -KILL -- "-$program"
  [ -z "$folder" ] || rm -rf "$folder"
} <&3 >/dev/null &
watch=$!
exec >/dev/null 3<&-
wait "$program"
code=$?
kill -KILL -- "-$program"
kill -TERM "$watch"
wait "$watch"
exit "$code"
`

/** A running program, bound to the life of this process. */
export class TetheredProcess {
  readonly #shell: ChildProcess
  /** Process id of the program itself, which may be a launcher of the one that matters. */
  readonly pid: number
  /** Resolves when the program has ended and everything in its group with it. Never rejects. */
  readonly exited: Promise<Exit>
  #running = true

  private constructor(shell: ChildProcess, pid: number, exited: Promise<Exit>) {
    this.#shell = shell
    this.pid = pid
    this.exited = exited.then((exit) => {
      this.#running = false
      return exit
    })
  }

  /** Starts `program`; resolves when its process exists, not when it is ready. */
  static async start(program: TetheredProgram): Promise<TetheredProcess> {
    const shell = spawnShell(program)
    const exited = exit(shell)
    shell.stdin?.on('error', () => undefined)
    const [line] = (await once(shell.stdio[3] as Readable, 'data')) as [Buffer]
    return new TetheredProcess(shell, Number.parseInt(line.toString(), 10), exited)
  }

  get running(): boolean {
    return this.#running
  }

  /** What the program prints, where there is no log file. */
  get stdout(): Readable | null {
    return this.#shell.stdout
  }

  /** What the program prints to stderr, where there is no log file. */
  get stderr(): Readable | null {
    return this.#shell.stderr
  }

  /** Kills program and descendants and removes the folder. Idempotent. */
  async end(): Promise<void> {
    this.#shell.stdin?.destroy()
    await this.exited
  }
}

function spawnShell({ command, env, cwd, folder, logFile }: TetheredProgram): ChildProcess {
  const output = logFile === undefined ? 'pipe' : openSync(logFile, 'a')
  const stdio: StdioOptions = ['pipe', output, output, 'pipe']
  const shell = spawn('bash', ['-c', SHELL, 'tether', folder ?? '', ...command], { cwd, detached: true, env, stdio })
  if (output !== 'pipe') closeSync(output)
  return shell
}

async function exit(shell: ChildProcess): Promise<Exit> {
  const [code] = (await once(shell, 'exit')) as [number | null]
  if (code === null) return { signal: 9 }
  return code > 128 ? { signal: code - 128 } : { code }
}
