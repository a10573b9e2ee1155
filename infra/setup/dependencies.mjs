/**
 * Installs what package-lock.json says, unless it is what node_modules holds: a stamp with the lock's hash tells, and
 * after someone's own `npm install`, npm's record of what it installed. No install script is run.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT, runNode } from './run.mjs'

const LOCK = join(ROOT, 'package-lock.json')
const STAMP = join(ROOT, 'node_modules/.roomway-lock')
const INSTALLED = join(ROOT, 'node_modules/.package-lock.json')

/** Resolves with whether anything was installed. `announce` is called before it is. */
export async function installDependencies(announce) {
  const lock = readFileSync(LOCK)
  const hash = createHash('sha256').update(lock).digest('hex')
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === hash) return false
  const install = !holds(JSON.parse(lock))
  if (install) {
    announce()
    await runNode([npmScript(), 'ci', '--ignore-scripts', '--no-audit', '--no-fund'])
  }
  writeFileSync(STAMP, hash)
  return install
}

/** Whether npm has installed just this lock; packages for other platforms may be absent. */
function holds(lock) {
  if (!existsSync(INSTALLED)) return false
  const installed = JSON.parse(readFileSync(INSTALLED)).packages
  const { '': _root, ...wanted } = lock.packages
  const fits = ([path, entry]) => {
    const present = installed[path]
    return present === undefined ? entry.optional === true : present.version === entry.version
  }
  return Object.entries(wanted).every(fits) && Object.keys(installed).every((path) => path in wanted)
}

/** npm says where it is to what it runs; without it, npm lies beside Node. */
function npmScript() {
  const beside = dirname(process.execPath)
  const candidates = [
    process.env.npm_execpath,
    join(beside, '../lib/node_modules/npm/bin/npm-cli.js'),
    join(beside, 'node_modules/npm/bin/npm-cli.js'),
    '/usr/share/nodejs/npm/bin/npm-cli.js',
  ]
  const found = candidates.find((path) => path?.endsWith('.js') && existsSync(path))
  if (found === undefined) throw new Error('npm was not found beside this Node: run this through npm')
  return found
}
