import { existsSync, readdirSync, readFileSync } from 'node:fs'

const patienceMs = 10_000

/**
 * Stops a process (SIGSTOP) and returns when all its threads stand still: the signal goes to one of them, which stops the others once it is given a CPU, and
 * on a busy machine they work on until then. @throws where they do for ten seconds
 */
export function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP')
  const endMs = performance.now() + patienceMs
  while (!standsStill(pid))
    if (performance.now() > endMs) throw new Error(`process ${pid} did not stop in ${patienceMs} ms`)
}

/** Where the system tells nothing of threads (no Linux), the signal must do. */
function standsStill(pid: number): boolean {
  const tasks = `/proc/${pid}/task`
  if (!existsSync(tasks)) return true
  return readdirSync(tasks).every((thread) => /^State:\s+[TtZX]/m.test(statusOf(`${tasks}/${thread}/status`)))
}

/** A thread may have ended since it was listed. */
function statusOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return 'State: X'
  }
}
