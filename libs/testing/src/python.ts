import { existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache-folder.js'
import { findProgram, run } from './command.js'

/** What environments hold, with versions; a change makes a new environment. */
const ENVIRONMENTS = {
  /** The clients of the protocol. */
  clients: ['websockets==15.0.1', 'msgpack==1.1.1'],
  /** What drives an HTTP API from its OpenAPI document. */
  openapi: ['schemathesis==4.32.5'],
} as const

/** Path of a Python that has the libraries of an environment in the cache folder, which is made when it is missing (some seconds, from PyPI). */
export async function pythonPath(environment: keyof typeof ENVIRONMENTS = 'clients'): Promise<string> {
  const libraries = ENVIRONMENTS[environment]
  const folder = join(cacheFolder(), `python-${libraries.join('-').replaceAll('==', '-')}`)
  const python = join(folder, 'bin/python3')
  if (existsSync(python)) return python
  const system = findProgram('python3')
  if (system === undefined) throw new Error('A test needs Python 3: apt-get install python3-venv')
  const beside = `${folder}.${process.pid}`
  try {
    await run(system, ['-m', 'venv', '--copies', beside])
    await run(join(beside, 'bin/python3'), ['-m', 'pip', 'install', '--quiet', ...libraries])
    await rename(beside, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
  return python
}

/** Path of the Go command. @throws Error that says what to install. */
export function goPath(): string {
  const go = findProgram('go')
  if (go === undefined) throw new Error('A test needs Go: apt-get install golang-go')
  return go
}
