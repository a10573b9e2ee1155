/** Ends the process, with what to do, where Node is older than 20.19. */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  console.error(`Roomway needs Node 20.19 or newer (24 is recommended); this is ${process.version}: https://nodejs.org`)
  process.exit(2)
}
