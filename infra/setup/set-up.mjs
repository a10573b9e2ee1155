/** Does `work`; where it fails, ends the process with its code and a line that says why. */
export async function setUp(work) {
  try {
    await work()
  } catch (error) {
    console.error(`Set-up failed: ${error.message}`)
    process.exit(typeof error.code === 'number' ? error.code : 1)
  }
}
