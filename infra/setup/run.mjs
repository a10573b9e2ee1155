import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

/** Root folder of the repository. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * Runs a program of Node, in the root folder, to its end. Its output is held back and shown only when it fails, unless
 * `show` is set. Rejects with the exit code.
 */
export function runNode(args, { show = false, env = {} } = {}) {
  return new Promise((resolve, reject) => {
    const output = show ? 'inherit' : 'pipe'
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', output, output],
    })
    let said = ''
    const keep = (chunk) => {
      said += chunk
    }
    child.stdout?.setEncoding('utf8').on('data', keep)
    child.stderr?.setEncoding('utf8').on('data', keep)
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(said)
      process.stderr.write(said)
      reject(new ProgramError(args, code ?? 128 + (constants.signals[signal] ?? 0)))
    })
  })
}

/** A program ended with another code than 0; what it printed has been shown. */
export class ProgramError extends Error {
  constructor(args, code) {
    super(`node ${args.map((arg) => arg.replace(ROOT, '')).join(' ')} ended with ${code}`)
    this.code = code
  }
}
