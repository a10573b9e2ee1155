import { homedir } from 'node:os'
import { join } from 'node:path'

/**
 * Where downloads that tests need are kept: `$XDG_CACHE_HOME/roomway`, else `~/.cache/roomway`. Outside of the
 * repository, so that several clones on one machine share it; empty or absent on a fresh machine, filled by the first run.
 */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'roomway')
}
