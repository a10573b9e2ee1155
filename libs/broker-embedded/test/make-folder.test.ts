import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { spawnNode } from '@roomway/testing'
import { makeFolder } from '../src/make-folder.js'
import { inFolder } from './temporary-folder.js'

const onLinux = process.platform === 'linux' ? test : test.skip

describe('making a data folder', () => {
  test(
    'makes those above it that are missing, and leaves one alone that is there',
    inFolder(async (folder) => {
      const path = join(folder, 'a/b/c')
      await makeFolder(path)
      await writeFile(join(path, 'kept'), '')
      await makeFolder(path)
      await rm(join(path, 'kept'))
    }),
  )

  test(
    'may be done by many at once',
    inFolder(async (folder) => {
      await Promise.all(Array.from({ length: 8 }, () => makeFolder(join(folder, 'a/b/c'))))
    }),
  )

  test(
    'fails, and says where, on a file in its way and on a link to nothing',
    inFolder(async (folder) => {
      await writeFile(join(folder, 'file'), '')
      await symlink(join(folder, 'nothing'), join(folder, 'link'))
      for (const name of ['file', 'file/below', 'link']) {
        const path = join(folder, name)
        await expect(makeFolder(path)).rejects.toThrow(`the data folder ${path} cannot be made: E`)
      }
    }),
  )

  test(
    'follows a link to a folder',
    inFolder(async (folder) => {
      await mkdir(join(folder, 'real'))
      await symlink(join(folder, 'real'), join(folder, 'link'))
      await makeFolder(join(folder, 'link/below'))
    }),
  )

  // In a process of its own: what does not return there keeps a thread of the process for ever.
  onLinux('fails where the system lets nobody make one, in place of trying for ever', async () => {
    const opener = await spawnNode('libs/broker-embedded/test/programs/opener.ts', { args: ['/proc/x/y'] })
    try {
      await opener.line(/^refused: the data folder \/proc\/x\/y cannot be made: ENOENT/)
      expect(await opener.exited).toEqual({ code: 0 })
    } finally {
      await opener.close()
    }
  })
})
