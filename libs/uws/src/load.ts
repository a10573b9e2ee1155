import type * as uWS from 'uWebSockets.js'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cachedCopy, defaultCacheDirs } from './cached-copy.js'
import { retarget } from './elf.js'
import { UwsLoadError } from './load-error.js'
import { runtime } from './runtime.js'

export type UWebSockets = typeof uWS

/** What this machine and Node are; given by tests, else found out. */
export interface Runtime {
  readonly platform: string
  readonly arch: string
  /** Node's ABI number, `process.versions.modules`. */
  readonly abi: string
  /** The C library's version where it is glibc. */
  glibcVersion(): string | undefined
  /** The path of the package's entry file. @throws where the package is not installed. */
  resolvePackage(): string
  /** Loads a native file and gives its exports. @throws with the loader's message. */
  loadNative(path: string): unknown
  /** Runs the package's own JavaScript (its entry file) around the native exports. */
  runPackage(entry: string, native: unknown): UWebSockets
}

export interface LoadUwsOptions {
  /** Told once, when a retargeted copy is used and why. Default: nobody. */
  readonly onNotice?: (message: string) => void
  /** Folder for the retargeted copy; only this user may be able to write to it. Default: `~/.cache/roomway`, else one under the temporary folder. */
  readonly cacheDir?: string
  readonly runtime?: Runtime
}

let loaded: UWebSockets | undefined

/**
 * Loads uWebSockets.js, synchronously; later calls give the same module. Where the load fails only because glibc is older than
 * 2.38, a copy of the native file is retargeted (see elf.ts), kept in the cache folder, and used; the package itself is not touched.
 * @throws UwsLoadError that says what is missing and what to do.
 */
export function loadUws(options: LoadUwsOptions = {}): UWebSockets {
  if (options.runtime !== undefined) return load(options, options.runtime)
  loaded ??= load(options, runtime)
  return loaded
}

function load(options: LoadUwsOptions, on: Runtime): UWebSockets {
  const entry = findPackage(on)
  const nativePath = findNative(on, dirname(entry))
  return on.runPackage(entry, nativeExports(options, on, nativePath))
}

function nativeExports(options: LoadUwsOptions, on: Runtime, nativePath: string): unknown {
  try {
    return on.loadNative(nativePath)
  } catch (fault) {
    return loadRetargeted(options, on, nativePath, fault as Error)
  }
}

function findPackage(on: Runtime): string {
  try {
    return on.resolvePackage()
  } catch (cause) {
    throw new UwsLoadError(
      'not_installed',
      'the package uWebSockets.js is not installed. Install it: npm install uWebSockets.js@npm:@btc-vision/uwebsockets.js@20.56.0',
      { cause },
    )
  }
}

function findNative(on: Runtime, folder: string): string {
  const name = `uws_${on.platform}_${on.arch}_${on.abi}.node`
  const present = readdirSync(folder).filter((file) => file.endsWith('.node'))
  if (present.includes(name)) return join(folder, name)
  throw missingBinary(on, present)
}

function missingBinary(on: Runtime, present: readonly string[]): UwsLoadError {
  const here = `uws_${on.platform}_${on.arch}_`
  const abis = present.filter((file) => file.startsWith(here)).map((file) => file.slice(here.length, -'.node'.length))
  if (abis.length === 0) {
    return new UwsLoadError(
      'platform',
      `uWebSockets.js has no binary for ${on.platform} on ${on.arch}. Run on Linux (glibc), macOS or Windows, on x64 or arm64`,
    )
  }
  return new UwsLoadError(
    'node_abi',
    `uWebSockets.js has no binary for this Node.js (ABI ${on.abi}; it has ${abis.join(', ')}). Use Node.js 20, 22 or 24`,
  )
}

function loadRetargeted(options: LoadUwsOptions, on: Runtime, nativePath: string, fault: Error): unknown {
  if (on.platform !== 'linux') throw unloadable(nativePath, fault)
  if (on.glibcVersion() === undefined) throw noGlibc(fault)
  if (!fault.message.includes("version `GLIBC_2.38' not found")) throw linuxFault(on, nativePath, fault)
  const { bytes, symbols } = retargetFile(nativePath)
  const { path, native } = loadCopy(options, on, nativePath, bytes)
  options.onNotice?.(
    `uWebSockets.js was built for glibc 2.38 and this system has ${on.glibcVersion()}: using a copy that calls ` +
      `${symbols.join(', ')} of this system's glibc instead (${path})`,
  )
  return native
}

function retargetFile(nativePath: string) {
  try {
    return retarget(readFileSync(nativePath))
  } catch (cause) {
    throw new UwsLoadError(
      'glibc',
      `${nativePath} needs glibc 2.38 and cannot be adapted to this system: ${(cause as Error).message}. ` +
        'Install the package afresh, or run on Debian 13, Ubuntu 24.04 or newer',
      { cause },
    )
  }
}

interface LoadedCopy {
  readonly path: string
  readonly native: unknown
}

/** Tries each folder in turn: one may be read-only, or mounted so that no code in it may run. */
function loadCopy(options: LoadUwsOptions, on: Runtime, nativePath: string, bytes: Uint8Array): LoadedCopy {
  const dirs = options.cacheDir === undefined ? defaultCacheDirs() : [options.cacheDir]
  const faults: Error[] = []
  for (const dir of dirs) {
    const result = copyInto(dir, on, nativePath, bytes)
    if ('native' in result) return result
    if (missingVersion(result.fault) !== undefined) throw linuxFault(on, nativePath, result.fault)
    faults.push(result.fault)
  }
  throw new UwsLoadError(
    'cache_dir',
    `the adapted copy of ${nativePath} could not be written and loaded: ${faults.map(({ message }) => message).join('; ')}. ` +
      'Name a folder (ROOMWAY_CACHE_DIR) that only this user can write to and that allows running code',
    { cause: faults[0] },
  )
}

function copyInto(
  dir: string,
  on: Runtime,
  nativePath: string,
  bytes: Uint8Array,
): LoadedCopy | { readonly fault: Error } {
  try {
    const path = cachedCopy(dir, nativePath, bytes)
    return { path, native: on.loadNative(path) }
  } catch (fault) {
    return { fault: fault as Error }
  }
}

function missingVersion(fault: Error): string | undefined {
  return /version `(\S+)' not found/.exec(fault.message)?.[1]
}

function linuxFault(on: Runtime, nativePath: string, fault: Error): UwsLoadError {
  const version = missingVersion(fault)
  if (version === undefined) return unloadable(nativePath, fault)
  return new UwsLoadError(
    'glibc',
    `uWebSockets.js needs ${version} and this system's C library (glibc ${on.glibcVersion()}) is older. ` +
      'Run on Debian 12, Ubuntu 24.04 or newer, or in an image made from one (node:24-bookworm-slim)',
    { cause: fault },
  )
}

function noGlibc(cause: Error): UwsLoadError {
  return new UwsLoadError(
    'musl',
    'uWebSockets.js needs glibc, and this system has another C library (musl, as on Alpine). ' +
      'Use an image with glibc, for example node:24-bookworm-slim instead of node:24-alpine',
    { cause },
  )
}

function unloadable(nativePath: string, cause: Error): UwsLoadError {
  return new UwsLoadError(
    'unloadable',
    `${nativePath} could not be loaded: ${cause.message}. Install the package afresh (npm ci)`,
    { cause },
  )
}
