import { main } from '../src/main.js'

/** The command line from its sources, as a process of its own. */
await main(process.argv.slice(2))
