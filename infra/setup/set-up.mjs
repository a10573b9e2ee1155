import { build } from './build.mjs'
import { installDependencies } from './dependencies.mjs'

/**
 * Installs and builds what has changed since the last time, saying so only where it takes a while. Where it fails, ends
 * the process with a line that says why.
 */
export async function setUp() {
  let building
  try {
    await installDependencies(() => console.log('Installing dependencies (once) …'))
    building = setTimeout(() => console.log('Building what has changed …'), 1500)
    await build()
  } catch (error) {
    console.error(`Set-up failed: ${error.message}`)
    process.exit(typeof error.code === 'number' ? error.code : 1)
  } finally {
    clearTimeout(building)
  }
}
