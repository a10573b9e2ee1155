import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder, and those above it that are missing. One at a time, for Node's recursive mkdir never returns, and keeps a CPU busy, where
 * the system answers ENOENT below a folder that is there, as Linux does in `/proc`. @throws Error that names the folder.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    for (const path of await missingFolders(resolve(folder))) await makeOne(path)
  } catch (cause) {
    throw new Error(`the data folder ${folder} cannot be made: ${(cause as Error).message}`, { cause })
  }
}

/** From the highest down. */
async function missingFolders(folder: string): Promise<string[]> {
  const missing: string[] = []
  let path = folder
  while (!(await isFolder(path))) {
    missing.unshift(path)
    // A drive that is not there is its own parent.
    if (dirname(path) === path) break
    path = dirname(path)
  }
  return missing
}

async function makeOne(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    // Another process that starts at the same time may have been faster.
    if (!isCode(error, 'EEXIST') || !(await isFolder(path))) throw error
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    if (isCode(error, 'ENOENT') || isCode(error, 'ENOTDIR')) return false
    throw error
  }
}

const isCode = (error: unknown, code: string): boolean => (error as NodeJS.ErrnoException).code === code
