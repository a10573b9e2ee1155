import type { ExitCode, Surroundings } from '../src/index.js'
import { run } from '../src/index.js'

export interface Answer {
  readonly code: ExitCode
  readonly stdout: string
  readonly stderr: string
}

/** Runs one command line inside the test, with an environment and input of its own. */
export async function roomway(argv: readonly string[], env: Surroundings['env'] = {}, input = ''): Promise<Answer> {
  let stdout = ''
  let stderr = ''
  const code = await run(argv, {
    env,
    isTerminal: false,
    print: (text) => {
      stdout += text
    },
    note: (text) => {
      stderr += text
    },
    readInput: () => Promise.resolve(input),
    stopped: () => new Promise(() => {}),
  })
  return { code, stdout, stderr }
}
