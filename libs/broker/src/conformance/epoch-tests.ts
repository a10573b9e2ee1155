import { expect, test } from '@jest/globals'
import type { LogName } from '../broker.js'
import type { FeatureTest } from './feature-test.js'
import type { BrokerHarness } from './harness.js'
import { appendTexts, contents, numbered, type Scene, scene } from './scene.js'

const single: readonly LogName[] = ['lifecycle', 'control', 'nodes', 'meta', 'dead']

export function epochTests(harness: BrokerHarness, withFeature: FeatureTest): void {
  test(
    'every log opens with its partitions, and opening one twice gives the same',
    scene(harness, async (s) => {
      const broker = await s.open({ partitions: 3 })
      expect((await broker.log('events')).partitions).toBe(3)
      expect((await broker.log('commands')).partitions).toBe(3)
      expect((await broker.log('intake')).partitions).toBeGreaterThan(0)
      for (const name of single) expect((await broker.log(name)).partitions).toBe(1)
      expect(await broker.log('events')).toBe(await broker.log('events'))
    }),
  )

  test(
    'brokers opened at the same time on nothing agree on one epoch and one log',
    scene(harness, async (s) => {
      const logs = await Promise.all([1, 2, 3, 4].map(() => s.events()))
      expect(new Set(logs.map((log) => log.epoch)).size).toBe(1)
      expect(logs[0]!.epoch).toMatch(/^[^\s:]{1,64}$/)
      const recorders = await Promise.all(logs.map((log) => s.tail(log)))
      await Promise.all(logs.map((log, node) => appendTexts(log, 0, [`from ${node}`])))
      await Promise.all(recorders.map((recorder) => recorder.untilCount(4)))
      for (const recorder of recorders) expect(recorder.placed()).toEqual(recorders[0]!.placed())
    }),
  )

  test(
    'records, offsets and epoch are still there after every connection was closed',
    scene(harness, async (s) => {
      const broker = await s.open()
      const log = await broker.log('events')
      await appendTexts(log, 1, numbered('n', 10))
      const [epoch, before] = [log.epoch, await contents(log, 1)]
      await broker.close()
      const again = await s.events()
      expect(again.epoch).toBe(epoch)
      await appendTexts(again, 1, ['after'])
      const after = await contents(again, 1)
      expect(after.slice(0, 10)).toEqual(before)
      expect(after.slice(10).map((each) => each.text)).toEqual(['after'])
    }),
  )

  withFeature(
    'recreate',
    'a log made again under running tails resets them with a new epoch',
    scene(harness, recreated),
    120_000,
  )

  test(
    'diagnose names what it checked',
    scene(harness, async (s) => {
      const broker = await s.open()
      await broker.log('events')
      const findings = await broker.diagnose()
      expect(findings.length).toBeGreaterThan(0)
      for (const finding of findings) {
        expect(['ok', 'warn', 'fail']).toContain(finding.status)
        expect(finding.check + finding.detail).toMatch(/\w/)
        if (finding.status !== 'ok') expect(finding.remedy ?? '').toMatch(/\w/)
      }
    }),
  )
}

async function recreated(s: Scene): Promise<void> {
  const [log, other] = [await s.events(), await s.events()]
  await appendTexts(log, 0, numbered('old', 10))
  const recorders = [await s.tail(log), await s.tail(other)]
  await Promise.all(recorders.map((recorder) => recorder.untilCount(10)))
  const [epoch, oldEnd] = [log.epoch, await log.end(0)]
  await s.harness.recreateLog!(s.prefix, 'events')
  for (const recorder of recorders) {
    await recorder.until('a reset', () => recorder.resets.length > 0, s.recoveryMs)
    expect(recorder.resets).toEqual(['epoch'])
  }
  expect(log.epoch).not.toBe(epoch)
  expect(other.epoch).toBe(log.epoch)
  expect((await s.events()).epoch).toBe(log.epoch)
  await expect(log.tail(new Map([[0, oldEnd + 1_000_000]]), recorders[0]!)).rejects.toMatchObject({ reason: 'ahead' })
  const again = await s.tail(other)
  await appendTexts(log, 0, ['new'])
  await again.untilText('new')
  expect(again.texts()).toEqual(['new'])
}
