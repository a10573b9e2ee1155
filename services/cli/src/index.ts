export type { ExitCode, Surroundings } from './context.js'
export { run } from './program.js'
