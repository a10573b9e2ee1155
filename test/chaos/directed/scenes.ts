/* For each rule, an interleaving in which it alone keeps things right. */
import { AppendError } from '@roomway/broker'
import { eventually } from '@roomway/testing'
import { room } from '../../../services/app/test/fixtures.js'
import type { Findings } from '../checker/check.js'
import { isOutcome, MemoryScene } from './memory-scene.js'

/** An owner is paused between its decision and the append; the next one decides and appends; then the first one's append lands. */
async function pausedOwner(): Promise<Findings> {
  const scene = new MemoryScene()
  const paused = scene.cluster.client()
  const held: (() => void)[] = []
  paused.onAppend = async (_log, records, land) => {
    if (isOutcome(records) && held.length === 0) await new Promise<void>((resolve) => held.push(resolve))
    land()
  }
  await scene.app(paused)
  scene.publish(1, 'accept')
  await eventually(() => held.length === 1, 5_000, 'the decision of the first owner')
  await scene.app()
  await scene.shown(1)
  held[0]!()
  scene.publish(2, 'accept')
  await scene.shown(2)
  return scene.judge()
}

/** A command comes again when its outcome lies far below what the next owner reads. */
async function longAfter(): Promise<Findings> {
  const scene = new MemoryScene()
  const { events, commands } = scene.cluster.topics
  const first = await scene.app()
  scene.publish(1, 'accept')
  await scene.shown(1)
  const again = commands.partitions[0]!.records.find(({ headers }) => headers['roomway-id'] === 's1:1')!
  events.skip(0, 100_000)
  scene.publish(2, 'accept', false, 100_000)
  await scene.shown(2)
  await first.close()
  await scene.app()
  commands.land([{ ...again, key: room }])
  scene.publish(3, 'accept', false, 100_001)
  await scene.shown(3)
  return scene.judge()
}

/** An owner dies after it has written a reply and before it could say so in a checkpoint: the next one writes the reply again. */
async function dyingOwner(): Promise<Findings> {
  const scene = new MemoryScene()
  const dying = scene.cluster.client()
  dying.onAppend = async (log, _records, land) => {
    // Its checkpoints are lost with it.
    if (log !== 'commands') land()
  }
  const first = await scene.app(dying)
  scene.publish(1, 'accept', true)
  scene.publish(2, 'reject')
  await scene.answered(2)
  await first.close()
  await scene.app()
  scene.publish(3, 'accept', true)
  await scene.answered(3)
  return scene.judge()
}

/** The first append of outcomes fails, when a second one could be under way already. */
async function failedAppend(): Promise<Findings> {
  const scene = new MemoryScene()
  const client = scene.cluster.client()
  let appends = 0
  client.onAppend = async (_log, records, land) => {
    if (!isOutcome(records) || appends++ > 0) return land()
    scene.publish(2, 'accept')
    for (let turn = 0; turn < 200; turn++) await new Promise(setImmediate)
    throw new AppendError('not-appended', 'the broker was away')
  }
  await scene.app(client)
  scene.publish(1, 'accept')
  await scene.shown(1)
  await scene.shown(2)
  return scene.judge()
}

export const scenes = {
  'a paused owner': pausedOwner,
  'a repeat long after': longAfter,
  'a dying owner': dyingOwner,
  'a failed append': failedAppend,
}

export type SceneName = keyof typeof scenes
