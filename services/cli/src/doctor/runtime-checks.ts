import { type Finding, fail, ok } from './finding.js'

const oldest = [20, 19] as const
const recommendedMajor = 24

/** @param version `process.versions.node` */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const detail = `Node.js ${version}`
  if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
    return fail(
      'node',
      `${detail} is too old`,
      `Install Node.js ${oldest.join('.')} or newer; ${recommendedMajor} is best`,
    )
  }
  if (major < recommendedMajor) return ok('node', `${detail} works; ${recommendedMajor} is recommended`)
  return ok('node', detail)
}

/** Loads uWebSockets.js as the gateway does. */
export async function checkWebSockets(cacheDir: string | undefined): Promise<Finding> {
  const { loadUws } = await import('@roomway/uws')
  let notice: string | undefined
  const onNotice = (message: string) => {
    notice = message
  }
  try {
    loadUws({ onNotice, ...(cacheDir === undefined ? {} : { cacheDir }) })
    return ok('uWebSockets.js', notice ?? 'loads as it is')
  } catch (error) {
    return fail('uWebSockets.js', 'does not load, so no gateway can run here', (error as Error).message)
  }
}
