/*
 * The raw pipe of the embedded broker: every millisecond's events go into LMDB in one batch, and out by `app.publish` when that is flushed,
 * with no feature. Publisher and server are one process, as they are with the embedded broker. Begins on SIGHUP, ends with `done <json>`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadUws } from '@roomway/uws'
import { open } from 'lmdb'
import { type FeedPlan, feed } from './event-feed.js'
import { openRawServer } from './raw-server.mjs'

const plan = JSON.parse(process.argv[2]!) as FeedPlan
const partitions = 16
const folder = mkdtempSync(join(tmpdir(), 'roomway-raw-lmdb-'))
const database = open<Buffer, [number, number]>({ path: folder, encoding: 'binary', keyEncoding: 'ordered-binary' })
const app = openRawServer(loadUws())
const nexts = Array.from({ length: partitions }, () => 0)

process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
process.once('SIGTERM', () => process.exit(0))
process.once('SIGHUP', async () => {
  const report = await feed(plan, partitions, async (records) => {
    for (const { partition, value } of records) void database.put([partition, nexts[partition]!++], value as Buffer)
    await database.flushed
    for (const { key, value } of records) app.publish(key, `{"room":"${key}","data":${value.toString()}}`)
  })
  console.log(`done ${JSON.stringify(report)}`)
})
app.listenAnywhere()
