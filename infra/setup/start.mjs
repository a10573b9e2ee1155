/**
 * `npm start`: installs and builds what has changed, then runs `roomway start` with the same arguments in this process.
 */
import { requireNode } from './node-version.mjs'

requireNode()
const { setUp } = await import('./set-up.mjs')

await setUp()
const command = new URL('../../services/cli/bin/roomway.js', import.meta.url)
process.argv = [process.execPath, 'roomway', 'start', ...process.argv.slice(2)]
await import(command.href)
