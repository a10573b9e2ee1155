import { describe, expect, test } from '@jest/globals'
import type { Context } from '../src/context.js'
import { ServiceRun } from '../src/service-run.js'

const quiet = { debug() {}, info() {}, warn() {}, error() {} }

/** A run that is told to stop as soon as it has started, and what happened in it. */
function runOf() {
  const happened: string[] = []
  const context = { stopped: () => Promise.resolve('SIGTERM') } as unknown as Context
  const run = new ServiceRun(context, quiet)
  const add = (name: string, close: () => Promise<void> = () => Promise.resolve()) =>
    run.add(name, {
      close() {
        happened.push(name)
        return close()
      },
    })
  return { run, add, happened }
}

const never = () => new Promise<void>(() => {})
const failing = () => Promise.reject(new Error('no'))

describe('a run of services', () => {
  test('closes what it started in the opposite order, one after the other', async () => {
    const { run, add, happened } = runOf()
    const start = async () => {
      add('broker')
      add('app', () => new Promise((resolve) => setImmediate(resolve)).then(() => void happened.push('app is closed')))
      add('gateway')
    }
    expect(await run.run(start, 5000)).toBe(0)
    expect(happened).toEqual(['gateway', 'app', 'app is closed', 'broker'])
  })

  test('closes what had started where the next one fails, and passes the reason on', async () => {
    const { run, add, happened } = runOf()
    const start = async () => {
      add('broker')
      add('app')
      throw new Error('the port is taken')
    }
    await expect(run.run(start, 5000)).rejects.toThrow('the port is taken')
    expect(happened).toEqual(['app', 'broker'])
  })

  test('closes the others all the same where one fails to close, and says so by its exit code', async () => {
    const { run, add, happened } = runOf()
    const start = async () => {
      add('broker')
      add('app', failing)
    }
    expect(await run.run(start, 5000)).toBe(1)
    expect(happened).toEqual(['app', 'broker'])
  })

  test('that is told to stop while it starts closes what had started, and what starts after that', async () => {
    const { run, add, happened } = runOf()
    let goOn = () => {}
    const start = async () => {
      add('broker')
      await new Promise<void>((resolve) => {
        goOn = resolve
      })
      add('gateway')
    }
    expect(await run.run(start, 5000)).toBe(0)
    expect(happened).toEqual(['broker'])
    goOn()
    await new Promise(setImmediate)
    expect(happened).toEqual(['broker', 'gateway'])
  })

  test('gives up at the deadline on what does not close', async () => {
    const { run, add } = runOf()
    expect(await run.run(async () => void add('broker', never), 10)).toBe(1)
  })
})
