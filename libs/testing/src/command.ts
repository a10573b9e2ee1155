import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

export type RunOptions = {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Killed after so many milliseconds. Default never. */
  timeoutMs?: number
}

/** Runs a program to its end and gives what it printed; throws with its last lines when it fails. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { timeoutMs, ...rest } = options
  return new Promise((resolve, reject) => {
    const settings = { ...rest, timeout: timeoutMs ?? 0, maxBuffer: 64 * 1024 * 1024 }
    execFile(command, args, settings, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout)
      const said = `${stdout}\n${stderr}`.trim().split('\n').slice(-20).join('\n')
      reject(new Error(`${command} ${args[0] ?? ''} failed: ${said || error.message}`, { cause: error }))
    })
  })
}

/** Path of the first of `names` that the search path or one of the usual folders holds, or undefined. */
export function findProgram(...names: string[]): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).concat('/usr/sbin', '/usr/local/sbin', '/usr/local/go/bin')
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)))
  return candidates.find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
