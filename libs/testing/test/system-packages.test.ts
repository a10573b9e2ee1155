import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { ensureSystemPackages, type SystemPackage } from '../src/system-packages.js'

const { getuid } = process

beforeEach(() => {
  process.getuid = () => 1000
})

afterEach(() => {
  if (getuid !== undefined) process.getuid = getuid
})

const item = (name: string, present: boolean): SystemPackage => ({
  name,
  purpose: `${name} test`,
  isPresent: () => present,
})

test('who may not install is told all that is missing, what for, and the command', async () => {
  const packages = [item('kcat', false), item('here', true), item('maven', false)]
  const told = 'Missing: kcat (kcat test), maven (maven test). Install with: apt-get install kcat maven'
  await expect(ensureSystemPackages(packages)).rejects.toThrow(told)
})

test('nothing is installed where all is present', async () => {
  expect(await ensureSystemPackages([item('here', true)])).toEqual([])
})
