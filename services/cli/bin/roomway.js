#!/usr/bin/env node
const { main } = await import('../dist/main.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
  console.error(
    `roomway: something is not built or not installed: ${error.message}\nRun npm start once, or: npm ci && npm run build`,
  )
  process.exit(1)
})

await main(process.argv.slice(2))
