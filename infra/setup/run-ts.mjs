/**
 * Runs a TypeScript file of this repository, and the sources of the packages that it imports, without a build:
 *
 *     node infra/setup/run-ts.mjs test/bench/main.ts [arguments]
 *
 * Works on every supported Node; types are removed, not checked.
 */
import { register } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** From here on this process imports TypeScript. */
export function registerTypeScript() {
  process.setSourceMapsEnabled(true)
  register('./typescript-hooks.mjs', import.meta.url)
}

/** Imports a TypeScript module by its path from the repository's root. */
export function importTypeScript(path) {
  return import(new URL(path, new URL('../../', import.meta.url)).href)
}

async function main() {
  const file = process.argv[2]
  if (file === undefined) {
    console.error('usage: node infra/setup/run-ts.mjs <file.ts> [arguments]')
    process.exit(2)
  }
  registerTypeScript()
  process.argv.splice(1, 2, resolve(file))
  await import(pathToFileURL(resolve(file)).href)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
