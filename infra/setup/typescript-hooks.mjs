/**
 * Module hooks of Node: packages of this repository resolve to their sources (export condition `source`), `./x.js`
 * beside a TypeScript file to `./x.ts`, and types are removed with the compiler that the tests use.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { transform } from '@swc/core'

export async function resolve(specifier, context, next) {
  const sources = { ...context, conditions: ['source', ...context.conditions] }
  if (!isRelativeJs(specifier) || !context.parentURL?.endsWith('.ts')) return next(specifier, sources)
  try {
    return await next(specifier.replace(/\.js$/, '.ts'), sources)
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    return next(specifier, sources)
  }
}

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context)
  const filename = fileURLToPath(url)
  const { code } = await transform(await readFile(filename, 'utf8'), {
    filename,
    configFile: false,
    swcrc: false,
    sourceMaps: 'inline',
    jsc: { target: 'es2023', parser: { syntax: 'typescript' } },
    module: { type: 'es6' },
  })
  return { format: 'module', source: code, shortCircuit: true }
}

function isRelativeJs(specifier) {
  return specifier.startsWith('.') && specifier.endsWith('.js')
}
