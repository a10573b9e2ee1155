/** After all tests of a run: stops the servers that they shared. */
export default async function tearDown() {
  await globalThis.testServers?.close()
}
