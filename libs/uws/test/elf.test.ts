import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { ElfError, retarget } from '../src/elf.js'
import { symbolsOf, type TinyElf, tinyElf, versionHash } from './tiny-elf.js'

const packageDir = dirname(createRequire(import.meta.url).resolve('uWebSockets.js'))

const x64: TinyElf = {
  machine: 62,
  library: 'libc.so.6',
  versions: ['GLIBC_2.38', 'GLIBC_2.14', 'GLIBC_2.2.5'],
  symbols: [
    { name: 'malloc', version: 'GLIBC_2.2.5' },
    { name: '__isoc23_strtol', version: 'GLIBC_2.38' },
    { name: 'memcpy', version: 'GLIBC_2.14' },
    { name: '__isoc23_sscanf', version: 'GLIBC_2.38' },
  ],
}

describe('retargeting an ELF file', () => {
  test('names the plain functions, and asks for the first glibc version of the processor in place of 2.38', () => {
    const { bytes, symbols } = retarget(tinyElf(x64))
    const base = `GLIBC_2.2.5#${versionHash('GLIBC_2.2.5')}`
    const memcpy = `memcpy@GLIBC_2.14#${versionHash('GLIBC_2.14')}`
    expect(symbolsOf(bytes)).toEqual([`malloc@${base}`, `strtol@${base}`, memcpy, `sscanf@${base}`])
    expect(symbols).toEqual(['strtol', 'sscanf'])
  })

  test('takes GLIBC_2.17 as the first version on arm64', () => {
    const elf = tinyElf({ ...x64, machine: 183, versions: ['GLIBC_2.17', 'GLIBC_2.38', 'GLIBC_2.14', 'GLIBC_2.2.5'] })
    expect(symbolsOf(retarget(elf).bytes)[1]).toBe(`strtol@GLIBC_2.17#${versionHash('GLIBC_2.17')}`)
  })

  test('leaves the original bytes alone', () => {
    const original = tinyElf(x64)
    const before = Buffer.from(original)
    retarget(original)
    expect(original.equals(before)).toBe(true)
  })

  test('refuses a symbol of 2.38 that has no plain twin, by name', () => {
    const elf = tinyElf({ ...x64, symbols: [...x64.symbols, { name: 'strlcpy', version: 'GLIBC_2.38' }] })
    expect(() => retarget(elf)).toThrow('the file needs strlcpy of GLIBC_2.38, which no older glibc has')
  })

  test('refuses a file that does not need 2.38, was not built for glibc, or is for another processor', () => {
    expect(() => retarget(tinyElf({ ...x64, versions: ['GLIBC_2.2.5'], symbols: [] }))).toThrow(
      'does not need GLIBC_2.38',
    )
    expect(() => retarget(tinyElf({ ...x64, library: 'libc.musl-x86_64.so.1' }))).toThrow('was not built for glibc')
    expect(() => retarget(tinyElf({ ...x64, machine: 243 }))).toThrow('a processor other than x64 and arm64')
    expect(() => retarget(Buffer.from('MZ this is no ELF file at all, whatever its name says'))).toThrow(
      'not an ELF file',
    )
  })

  test('refuses a file that was cut short, wherever it was cut', () => {
    const whole = tinyElf(x64)
    for (let length = 0; length < whole.length; length++) {
      expect(() => retarget(whole.subarray(0, length))).toThrow(ElfError)
    }
  })

  test.each([
    'uws_linux_x64_115.node',
    'uws_linux_arm64_115.node',
    'uws_linux_x64_137.node',
    'uws_linux_arm64_137.node',
  ])('changes a few bytes of %s and nothing else', (file) => {
    const original = readFileSync(join(packageDir, file))
    const { bytes, symbols } = retarget(original)
    expect(symbols).toEqual(expect.arrayContaining(['strtol', 'strtoul']))
    let changed = 0
    for (let i = 0; i < bytes.length; i++) if (bytes[i] !== original[i]) changed++
    expect(changed).toBeGreaterThanOrEqual(symbols.length)
    expect(changed).toBeLessThanOrEqual(symbols.length * 4 + 8)
    expect(() => retarget(bytes)).toThrow('does not need GLIBC_2.38')
  })
})
