import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { configurations } from './configurations.js'
import { documents, withFigures } from './documents.js'
import { readKept } from './kept.js'

describe.each(documents.map(({ file, figures }) => ({ name: basename(file), file, figures })))(
  'docs/$name',
  ({ file, figures }) => {
    test('has the tables that follow from the kept figures, and no others', async () => {
      const text = await readFile(file, 'utf8')
      expect(text).toBe(withFigures(text, figures(await readKept())))
    })
  },
)

test('the kept figures are of the configurations that there are, and none was void', async () => {
  const { runs } = await readKept()
  expect(runs.map(({ name }) => name)).toEqual(configurations.map(({ name }) => name))
  expect(runs.filter(({ fault }) => fault !== undefined)).toEqual([])
})
