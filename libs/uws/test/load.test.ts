import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import { loadUws, type Runtime, type UWebSockets } from '../src/load.js'
import { UwsLoadError } from '../src/load-error.js'

const packageDir = dirname(createRequire(import.meta.url).resolve('uWebSockets.js'))
const root = mkdtempSync(join(tmpdir(), 'roomway-uws-test-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const GLIBC_FAULT = "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by uws.node)"
const wrapper = {} as UWebSockets
let dir: string
let loads: string[]

beforeEach(() => {
  dir = mkdtempSync(join(root, 'case-'))
  loads = []
})

/** A machine on which the original does not load for the reason given, and a copy loads. */
function machine(fault: string | undefined, changes: Partial<Runtime> = {}): Runtime {
  return {
    platform: 'linux',
    arch: 'x64',
    abi: '115',
    glibcVersion: () => '2.36',
    resolvePackage: () => join(packageDir, 'uws.js'),
    runPackage: () => wrapper,
    loadNative(path) {
      if (path.startsWith(packageDir) && fault !== undefined) throw new Error(fault)
      loads.push(path)
      return {}
    },
    ...changes,
  }
}

function faultOf(on: Runtime): UwsLoadError {
  try {
    loadUws({ runtime: on, cacheDir: dir })
  } catch (error) {
    if (error instanceof UwsLoadError) return error
    throw error
  }
  throw new Error('it loaded')
}

describe('loading uWebSockets.js', () => {
  test('takes the package as it is where it loads, without a word and without a copy', () => {
    const notices: string[] = []
    const onNotice = (message: string) => notices.push(message)
    expect(loadUws({ runtime: machine(undefined), cacheDir: dir, onNotice })).toBe(wrapper)
    expect(notices).toEqual([])
    expect(readdirSync(dir)).toEqual([])
  })

  test('puts a retargeted copy in the place of a file that needs glibc 2.38, and says so once', () => {
    const notices: string[] = []
    const on = machine(GLIBC_FAULT)
    expect(loadUws({ runtime: on, cacheDir: dir, onNotice: (message) => notices.push(message) })).toBe(wrapper)
    const original = join(packageDir, 'uws_linux_x64_115.node')
    expect(loads).toEqual([expect.stringMatching(/uws_linux_x64_115-[0-9a-f]{16}\.node$/)])
    expect(notices).toEqual([expect.stringContaining('was built for glibc 2.38 and this system has 2.36')])
    expect(readFileSync(loads[0]!).equals(readFileSync(original))).toBe(false)
  })

  test('uses the copy again, and mends one that was damaged', () => {
    loadUws({ runtime: machine(GLIBC_FAULT), cacheDir: dir })
    const path = loads[0]!
    const good = readFileSync(path)
    writeFileSync(path, good.subarray(0, 1000))
    loadUws({ runtime: machine(GLIBC_FAULT), cacheDir: dir })
    expect(loads[1]!).toBe(path)
    expect(readFileSync(path).equals(good)).toBe(true)
    expect(readdirSync(dirname(path))).toHaveLength(1)
  })

  test('refuses a cache folder into which others could put a file', () => {
    mkdirSync(join(dir, 'uws'))
    chmodSync(join(dir, 'uws'), 0o777)
    const fault = faultOf(machine(GLIBC_FAULT))
    expect(fault.fault).toBe('cache_dir')
    expect(fault.message).toMatch(/may be written by others.*ROOMWAY_CACHE_DIR/)
  })

  test('says what to do on musl', () => {
    const on = machine('Error loading shared library ld-linux-x86-64.so.2', { glibcVersion: () => undefined })
    expect(faultOf(on)).toMatchObject({ fault: 'musl', message: expect.stringContaining('node:24-bookworm-slim') })
  })

  test('says which glibc is missing where the copy still needs a newer one than there is', () => {
    const on = machine(undefined, {
      glibcVersion: () => '2.35',
      loadNative(path) {
        throw new Error(
          path.startsWith(packageDir)
            ? GLIBC_FAULT
            : "libc.so.6: version `GLIBC_2.36' not found (required by copy.node)",
        )
      },
    })
    expect(faultOf(on)).toMatchObject({ fault: 'glibc', message: expect.stringMatching(/GLIBC_2\.36.*glibc 2\.35/) })
  })

  test('does not touch a file that lacks another version or another symbol', () => {
    const otherVersion = faultOf(machine("libc.so.6: version `GLIBC_2.41' not found (required by uws.node)"))
    expect(otherVersion).toMatchObject({ fault: 'glibc', message: expect.stringContaining('GLIBC_2.41') })
    const otherSymbol = faultOf(machine('uws.node: undefined symbol: napi_new_thing'))
    expect(otherSymbol).toMatchObject({ fault: 'unloadable', message: expect.stringContaining('napi_new_thing') })
    expect(loads).toEqual([])
  })

  test('says that the package is to be installed afresh where its file is cut short', () => {
    const folder = join(dir, 'package')
    mkdirSync(folder)
    const original = join(folder, 'uws_linux_x64_115.node')
    copyFileSync(join(packageDir, 'uws_linux_x64_115.node'), original)
    writeFileSync(original, readFileSync(original).subarray(0, 500_000))
    const loadNative = () => {
      throw new Error(GLIBC_FAULT)
    }
    const fault = faultOf(machine(GLIBC_FAULT, { loadNative, resolvePackage: () => join(folder, 'uws.js') }))
    expect(fault.message).toMatch(/cut short.*Install the package afresh/)
  })

  test('says which Node.js and which platforms there are binaries for', () => {
    expect(faultOf(machine(undefined, { abi: '131' }))).toMatchObject({
      fault: 'node_abi',
      message: expect.stringMatching(/ABI 131; it has 115, 127, 137, 141.*Use Node\.js 20, 22 or 24/),
    })
    expect(faultOf(machine(undefined, { arch: 'riscv64' }))).toMatchObject({
      fault: 'platform',
      message: expect.stringContaining('linux on riscv64'),
    })
  })

  test('says how to install the package where it is missing', () => {
    const on = machine(undefined, {
      resolvePackage: () => {
        throw new Error("Cannot find module 'uWebSockets.js'")
      },
    })
    expect(faultOf(on)).toMatchObject({ fault: 'not_installed', message: expect.stringContaining('npm install') })
  })
})
