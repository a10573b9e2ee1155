import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { FolderInUseError, lockFolder } from '../src/folder-lock.js'
import { inFolder } from './temporary-folder.js'

const owner = async (folder: string): Promise<{ pid: number }> =>
  JSON.parse(await readFile(join(folder, 'roomway.lock.2'), 'utf8')) as { pid: number }

const leave = (folder: string, content: string): Promise<void> => writeFile(join(folder, 'roomway.lock.1'), content)

describe('the lock of a data folder', () => {
  test(
    'is held by one, and free again once given back',
    inFolder(async (folder) => {
      const unlock = await lockFolder(folder)
      await expect(lockFolder(folder)).rejects.toBeInstanceOf(FolderInUseError)
      await unlock()
      await unlock()
      await (await lockFolder(folder))()
      expect(await readdir(folder)).toEqual(['roomway.lock.2'])
    }),
  )

  test(
    'passes from a process that is gone, though another has its pid now',
    inFolder(async (folder) => {
      await leave(folder, JSON.stringify({ pid: process.pid, host: hostname(), started: '1' }))
      await lockFolder(folder)
      expect(await owner(folder)).toMatchObject({ pid: process.pid })
    }),
  )

  test(
    'is not taken from another host, whose processes cannot be seen from here',
    inFolder(async (folder) => {
      await leave(folder, JSON.stringify({ pid: 1, host: 'elsewhere.example', started: '1' }))
      await expect(lockFolder(folder)).rejects.toThrow('If no process on elsewhere.example uses it any more, delete')
    }),
  )

  test(
    'goes to exactly one of many that find a dead owner at once',
    inFolder(async (folder) => {
      for (let round = 0; round < 50; round += 1) {
        await leave(folder, JSON.stringify({ pid: process.pid, host: hostname(), started: '1' }))
        const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
        const locks = outcomes.filter((outcome) => outcome.status === 'fulfilled')
        expect(locks).toHaveLength(1)
        expect(await readdir(folder)).toEqual(['roomway.lock.2'])
        await locks[0]!.value()
        await rm(join(folder, 'roomway.lock.2'))
      }
    }),
  )
})
