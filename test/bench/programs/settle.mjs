/**
 * Preloaded into a measured server, with --expose-gc: SIGUSR2 makes it collect all garbage and give memory back, and then print `settled <n>`.
 * Nothing else of the server changes.
 */
let settled = 0

process.on('SIGUSR2', () => {
  globalThis.gc()
  setTimeout(() => {
    globalThis.gc({ type: 'major', execution: 'sync', flavor: 'last-resort' })
    process.stdout.write(`settled ${++settled}\n`)
  }, 200)
})
