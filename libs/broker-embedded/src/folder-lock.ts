/**
 * LMDB lets a second process open and write the same folder without any error, so the folder has a lock of our own: a file that
 * names its owner by host, process id and the time that process was started (a pid alone is reused, above all in containers, where it is
 * always 1). It is made by linking a finished file to its name, which only one process can do; a dead owner's file is moved away first.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
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
  const path = join(folder, 'roomway.lock')
  const mine = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(mine, JSON.stringify(self()))
  try {
    await take(path, mine, folder)
  } finally {
    await rm(mine, { force: true })
  }
  return () => rm(path, { force: true })
}

async function take(path: string, mine: string, folder: string): Promise<void> {
  for (;;) {
    if (await linked(mine, path)) return
    const text = await readFile(path, 'utf8').catch(() => undefined)
    if (text === undefined) continue
    const owner = ownerOf(text)
    if (owner !== undefined && isAlive(owner)) throw inUse(folder, path, owner)
    await moveAway(path, `${mine}.dead`, text)
  }
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

/** Moves a dead owner's file; puts it back where another process had just taken the folder in between. */
async function moveAway(path: string, to: string, expected: string): Promise<void> {
  try {
    await rename(path, to)
  } catch {
    return
  }
  if ((await readFile(to, 'utf8')) !== expected) await linked(to, path)
  await rm(to, { force: true })
}

function inUse(folder: string, path: string, owner: Owner): FolderInUseError {
  const elsewhere = owner.host === hostname() ? '' : ` If no process on ${owner.host} uses it any more, delete ${path}.`
  return new FolderInUseError(
    `${folder} is in use by process ${owner.pid} on ${owner.host}. Stop that one, or choose another data folder.${elsewhere}`,
  )
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
