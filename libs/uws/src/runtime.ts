import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileFunction } from 'node:vm'
import type { Runtime, UWebSockets } from './load.js'

const require = createRequire(import.meta.url)

interface CommonJsModule {
  exports: unknown
}

type CommonJsBody = (exports: unknown, require: (id: string) => unknown, module: CommonJsModule) => void

/** The machine and Node that this runs on. */
export const runtime: Runtime = {
  platform: process.platform,
  arch: process.arch,
  abi: process.versions.modules,
  glibcVersion,
  resolvePackage: () => require.resolve('uWebSockets.js'),
  loadNative,
  runPackage,
}

/** Of a request, its first line included: a token alone may have 16,384 characters, and the rooms of an event stream stand in its URL. */
const maxRequestHeadBytes = 65_536

/** uWebSockets.js reads its limit of 4,096 bytes from the environment, once, while it is loaded; there is no other way to raise it. */
function loadNative(path: string): unknown {
  process.env.UWS_HTTP_MAX_HEADERS_SIZE ??= String(maxRequestHeadBytes)
  const native: CommonJsModule = { exports: {} }
  process.dlopen(native, path)
  return native.exports
}

/**
 * The package's JavaScript adds classes to the native module, so it is run as it is; only its `require` is ours. (Node's
 * own loader could be told the same through its cache, but test runners and bundlers put others in its place.)
 */
function runPackage(entry: string, native: unknown): UWebSockets {
  const parameters = ['exports', 'require', 'module', '__filename', '__dirname']
  const body = compileFunction(readFileSync(entry, 'utf8'), parameters, { filename: entry }) as CommonJsBody
  const module: CommonJsModule = { exports: {} }
  const requireFromPackage = createRequire(entry)
  body(module.exports, (id) => (id.endsWith('.node') ? native : requireFromPackage(id)), module)
  return module.exports as UWebSockets
}

function glibcVersion(): string | undefined {
  const report = process.report as typeof process.report & { excludeNetwork: boolean }
  report.excludeNetwork = true // else the address of every open socket is looked up
  const { header } = report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime
}
