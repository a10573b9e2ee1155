/**
 * Preloaded into a measured server: SIGUSR2 makes it give back all the memory it can, and then print `settled <n>`. Nothing else of the
 * server changes. The inspector's collection is V8's answer to a lack of memory, which shrinks the young generation too; `gc()` does that
 * only when the heap has been quiet for a while.
 */
import { Session } from 'node:inspector'

const session = new Session()
let settled = 0

process.on('SIGUSR2', () => {
  if (settled === 0) session.connect()
  session.post('HeapProfiler.collectGarbage', () => {
    setTimeout(() => process.stdout.write(`settled ${++settled}\n`), 100)
  })
})
