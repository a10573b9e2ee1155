import { describe, expect, test } from '@jest/globals'
import { FolderInUseError, openEmbeddedBroker } from '@roomway/broker-embedded'
import { WriterProcess } from './program.js'
import { quiet } from './quiet-logger.js'
import { inFolder } from './temporary-folder.js'

const open = (dataDir: string) => openEmbeddedBroker({ prefix: 'crash', partitions: 2, dataDir, logger: quiet })

/** Every record of both partitions, as the writer's tail would print it. */
async function stored(dataDir: string): Promise<string[]> {
  const broker = await open(dataDir)
  const log = await broker.log('events')
  const found: string[] = []
  for (const partition of [0, 1])
    await log.read(partition, await log.start(partition), await log.end(partition), ({ records }) => {
      for (const { offset, value } of records) found.push(`${partition}/${offset} ${Buffer.from(value).toString()}`)
    })
  await broker.close()
  return found
}

const said = (writer: WriterProcess, start: string): string[] =>
  writer.lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length))

function missing(wanted: readonly string[], there: readonly string[]): string[] {
  const known = new Set(there)
  return wanted.filter((each) => !known.has(each))
}

describe('a process killed while it appends', () => {
  test(
    'leaves every record that it confirmed or showed, once, in order and in its place',
    inFolder(async (dataDir) => {
      for (const [round, lines] of [50, 400, 900].entries()) {
        const writer = new WriterProcess(dataDir, `r${round}`)
        await writer.untilLines('seen ', lines)
        await writer.kill()
        const found = await stored(dataDir)
        const texts = found.map((each) => each.split(' ')[1]!)
        expect(new Set(texts).size).toBe(texts.length)
        expect(missing(said(writer, 'done '), texts)).toEqual([])
        expect(missing(said(writer, 'seen '), found)).toEqual([])
        expect(said(writer, 'reset ')).toEqual([])
        for (const partition of [0, 1]) {
          const own = texts.filter((text) => text.startsWith(`r${round}-${partition}-`))
          expect(own).toEqual(own.map((_, index) => `r${round}-${partition}-${index}`))
        }
      }
    }),
  )

  test(
    'held its folder against others while it lived, and no longer',
    inFolder(async (dataDir) => {
      const writer = new WriterProcess(dataDir, 'owner')
      await writer.untilLines('open', 1)
      const refused = open(dataDir)
      await expect(refused).rejects.toBeInstanceOf(FolderInUseError)
      await expect(refused).rejects.toThrow(`in use by process ${writer.pid}`)
      await writer.kill()
      await (await open(dataDir)).close()
    }),
  )
})
