/**
 * LMDB lets a second process open and write the same folder without any error, so the folder has a lock of our own: files
 * `roomway.lock.<n>`, of which the highest names the owner by host, process id and the time that process was started (a pid alone is
 * reused, above all in containers, where it is always 1). Whoever finds the highest released, or its owner dead, makes the next one by linking
 * a finished file to its name, which only one process can do. The highest is never deleted, so that there is nothing to race for.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'

interface Owner {
  readonly pid: number
  readonly host: string
  readonly started: string
}

/** Another process, still alive as far as can be told, uses the folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError'
}

/** Gives the folder back. Idempotent. */
export type Unlock = () => Promise<void>

/** @throws FolderInUseError */
export async function lockFolder(folder: string): Promise<Unlock> {
  const mine = join(folder, `roomway.lock-${randomBytes(6).toString('hex')}`)
  await writeFile(mine, JSON.stringify(self()))
  let path: string
  try {
    path = await take(folder, mine)
  } finally {
    await rm(mine, { force: true })
  }
  let released: Promise<void> | undefined
  return () => {
    // An empty file says released, and can be written on a full disk.
    released ??= truncate(path)
    return released
  }
}

async function take(folder: string, mine: string): Promise<string> {
  for (;;) {
    const highest = await highestLock(folder)
    if (highest > 0) await refuseLiving(folder, lockPath(folder, highest))
    const path = lockPath(folder, highest + 1)
    if (!(await linked(mine, path))) continue
    // Others may have taken and tidied up since we looked: then ours is not the highest, and counts for nothing.
    const others = await locks(folder)
    if (Math.max(...others) > highest + 1) {
      await rm(path, { force: true })
      continue
    }
    await Promise.all(others.filter((n) => n <= highest).map((n) => rm(lockPath(folder, n), { force: true })))
    return path
  }
}

async function refuseLiving(folder: string, path: string): Promise<void> {
  const owner = ownerOf(await readFile(path, 'utf8').catch(() => ''))
  if (owner !== undefined && isAlive(owner)) throw inUse(folder, path, owner)
}

const lockPath = (folder: string, n: number): string => join(folder, `roomway.lock.${n}`)

const highestLock = async (folder: string): Promise<number> => Math.max(0, ...(await locks(folder)))

async function locks(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  return names.flatMap((name) => /^roomway\.lock\.(\d+)$/.exec(name)?.[1] ?? []).map(Number)
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function inUse(folder: string, path: string, owner: Owner): FolderInUseError {
  const elsewhere = owner.host === hostname() ? '' : `. If no process on ${owner.host} uses it any more, delete ${path}`
  return new FolderInUseError(`${folder} is in use by process ${owner.pid} on ${owner.host}${elsewhere}`)
}

const self = (): Owner => ({ pid: process.pid, host: hostname(), started: startedAt(process.pid) })

function ownerOf(text: string): Owner | undefined {
  try {
    const { pid, host, started } = JSON.parse(text) as Partial<Owner>
    return typeof pid === 'number' && typeof host === 'string' && typeof started === 'string'
      ? { pid, host, started }
      : undefined
  } catch {
    return undefined
  }
}

function isAlive(owner: Owner): boolean {
  if (owner.host !== hostname()) return true
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return startedAt(owner.pid) === owner.started
}

/** A process's start in ticks since boot, from `/proc` (proc_pid_stat(5), field 22). Empty where there is none: there only the pid counts. */
function startedAt(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
  } catch {
    return ''
  }
}
