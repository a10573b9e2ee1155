import { text } from 'node:stream/consumers'
import type { Surroundings } from './context.js'
import { run } from './program.js'

/** How long what is still open after a command's end may keep the process, in ms. */
const lingerMs = 3000

/** The composition root of the command line: the process's own streams, signals and exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on('error', endOnBrokenPipe)
  const surroundings: Surroundings = {
    env: process.env,
    print: (output) => void process.stdout.write(output),
    note: (output) => void process.stderr.write(output),
    isTerminal: process.stderr.isTTY === true,
    readInput: () => text(process.stdin),
    stopped: signalled,
  }
  process.exitCode = await run(argv, surroundings)
  setTimeout(() => process.exit(), lingerMs).unref()
}

/** The first signal asks; a second one ends the process at once. */
function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let asked = false
    const onSignal = (signal: NodeJS.Signals) => {
      if (asked) process.exit(1)
      asked = true
      resolve(signal)
    }
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal)
  })
}

/** `roomway tail room | head`: the reader has gone, and that is all right. */
function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
}
