import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, test } from '@jest/globals'
import { eventually, spawnNode } from '../src/index.js'

const FIXTURE = 'libs/testing/test/fixtures/process.ts'

describe('a Node process of a test', () => {
  test('runs TypeScript and the sources of packages, and gives its lines and its exit', async () => {
    const child = await spawnNode(FIXTURE, { args: ['exit', '3'] })
    expect((await child.line(/^prefix (.*)/))[1]).toMatch(/^t-[0-9a-f]{10}$/)
    expect(await child.exited).toEqual({ code: 3 })
    await child.close()
  })

  test('inherits nothing but what it is given', async () => {
    const child = await spawnNode(FIXTURE, { args: ['env'], env: { GIVEN: 'yes' } })
    const [, names] = await child.line(/^env (.*)/)
    expect(names?.split(',').sort()).toEqual(expect.arrayContaining(['GIVEN', 'PATH']))
    expect(names).not.toMatch(/JEST|npm_|TEST_SERVERS/)
    await child.close()
  })

  test('that ends before it is ready shows what it printed', async () => {
    const child = await spawnNode(FIXTURE, { args: ['exit', '1'] })
    await expect(child.line(/^ready/)).rejects.toThrow(/It ended, \{"code":1\}, without.*\n.*prefix t-/)
    await child.close()
  })

  test('can be frozen, killed, and leaves no folder', async () => {
    const child = await spawnNode(FIXTURE, { args: ['stay'] })
    const [, folder] = await child.line(/^ready (.*)/)
    child.pause()
    await eventually(async () => (await state(child.pid)) === 'T', 5000, 'the process to stop')
    child.resume()
    await eventually(async () => (await state(child.pid)) !== 'T', 5000, 'the process to go on')
    await child.kill()
    expect(await child.exited).toEqual({ signal: 9 })
    await child.close()
    await child.close()
    expect(existsSync(folder!)).toBe(false)
  })

  test('is frozen, with all of its threads, when the pause returns, however busy the machine is', async () => {
    const child = await spawnNode(FIXTURE, { args: ['spin'] })
    try {
      await child.line(/^spinning/)
      for (let paused = 0; paused < 5; paused++) {
        child.pause()
        expect([...new Set(threadStates(child.pid))]).toEqual(['T'])
        child.resume()
      }
    } finally {
      await child.close()
    }
  })

  test('ends in good order when it is asked to', async () => {
    const child = await spawnNode(FIXTURE, { args: ['stay'] })
    await child.line(/^ready/)
    expect(await child.stop()).toEqual({ code: 0 })
    await child.line(/^bye/)
    await child.close()
  })

  test('dies, frozen or not, when the process that started it is killed', async () => {
    const parent = await spawnNode(FIXTURE, { args: ['parent'] })
    const [, pids, folders] = await parent.line(/^children (\S+) (\S+)/)
    const children = pids!.split(',').map(Number)
    expect(await Promise.all(children.map(isAlive))).toEqual([true, true])
    await parent.kill()
    for (const pid of children) await eventually(async () => !(await isAlive(pid)), 5000, `process ${pid} to die`)
    for (const folder of folders!.split(',')) await eventually(() => !existsSync(folder), 5000, `${folder} to go`)
    await parent.close()
  })
})

/** The letter that Linux gives the state of a process: R, S, T (stopped) and so on. */
async function state(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return stat.slice(stat.lastIndexOf(')') + 2)[0]
}

function threadStates(pid: number): readonly string[] {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.map(
    (thread) => /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8'))![1]!,
  )
}

async function isAlive(pid: number): Promise<boolean> {
  const letter = await state(pid)
  return letter !== undefined && letter !== 'Z'
}
