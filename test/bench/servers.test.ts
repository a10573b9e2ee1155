import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { startServer } from './servers.js'

test('a server under the profiler leaves its profile when it is closed', async () => {
  const profileFolder = await mkdtemp(join(tmpdir(), 'roomway-profile-'))
  try {
    const server = await startServer({
      kind: 'raw',
      address: { kind: 'kafka', brokers: [] },
      prefix: 'profiled',
      log: undefined,
      feed: undefined,
      fromSources: false,
      profileFolder,
      slowDownUs: 0,
      env: {},
    })
    await server.close()
    expect(await readdir(profileFolder)).toEqual([expect.stringMatching(/\.cpuprofile$/)])
  } finally {
    await rm(profileFolder, { recursive: true })
  }
})
