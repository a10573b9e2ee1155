import { findProgram } from './command.js'
import { CHROMIUM, ensureSystemPackages } from './system-packages.js'

/**
 * Path of a Chromium, for playwright-core's `executablePath`: the one that `CHROMIUM_PATH` names, else one of the search
 * path, else Debian's package, which is installed then (root only).
 *
 * @throws Error that says what to install.
 */
export async function chromiumPath(): Promise<string> {
  const named = process.env.CHROMIUM_PATH
  if (named) return named
  await ensureSystemPackages([CHROMIUM])
  return findProgram('chromium', 'chromium-browser', 'google-chrome')!
}
