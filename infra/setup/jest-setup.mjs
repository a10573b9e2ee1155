/** Before all tests of a run: opens the door through which they get the servers that they share. */
import { importTypeScript, registerTypeScript } from './run-ts.mjs'

export default async function setUp() {
  registerTypeScript()
  const { TestServers, SERVERS_VARIABLE } = await importTypeScript('libs/testing/src/setup.ts')
  globalThis.testServers = await TestServers.open()
  process.env[SERVERS_VARIABLE] = globalThis.testServers.address
}
