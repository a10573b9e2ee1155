import { createHash, randomUUID } from 'node:crypto'
import { lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { basename, join } from 'node:path'

/** Where a copy may be kept, best first. The name in the shared temporary folder carries the user: each has their own. */
export function defaultCacheDirs(): readonly string[] {
  const temporary = join(tmpdir(), `roomway-${process.getuid?.()}`)
  try {
    return [join(homedir(), '.cache', 'roomway'), temporary]
  } catch {
    return [temporary] // a container's user may have neither HOME nor an entry in the list of users
  }
}

/**
 * Makes sure that the folder `uws` in `cacheDir` holds a file with exactly these bytes and gives its path. The name carries a hash of the content, so
 * several versions live side by side; the file appears whole or not at all, so several processes may start at once.
 * @throws where the folder cannot be written, or where other users could put a file there.
 */
export function cachedCopy(cacheDir: string, originalPath: string, bytes: Uint8Array): string {
  const dir = join(cacheDir, 'uws')
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  assertPrivate(dir)
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 16)
  const path = join(dir, `${basename(originalPath, '.node')}-${hash}.node`)
  if (!holds(path, bytes)) writeWhole(path, bytes)
  return path
}

function holds(path: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(bytes)
  } catch {
    return false // not there yet, or not readable: it is written again
  }
}

function writeWhole(path: string, bytes: Uint8Array): void {
  const draft = `${path}.${randomUUID()}`
  try {
    writeFileSync(draft, bytes, { mode: 0o700, flag: 'wx' })
    renameSync(draft, path)
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Code is loaded from this folder, so nobody else may write to it. */
function assertPrivate(dir: string): void {
  const { uid, mode } = lstatSync(dir)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
    throw new Error(`${dir} belongs to another user or may be written by others`)
  }
}
