import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { configurations } from './configurations.js'
import { documents, withFigures } from './documents.js'
import { type Kept, readKept } from './kept.js'
import { scalingFigures, tuningFigures } from './tables.js'

describe.each(documents.map(({ file, figures }) => ({ name: basename(file), file, figures })))(
  'docs/$name',
  ({ file, figures }) => {
    test('has the tables that follow from the kept figures, and no others', async () => {
      const text = await readFile(file, 'utf8')
      expect(text).toBe(withFigures(text, figures(await readKept())))
    })
  },
)

test('the kept figures are of configurations that there are, and none was void', async () => {
  const { runs } = await readKept()
  const names = configurations.map(({ name }) => name)
  expect(names).toEqual(expect.arrayContaining(runs.map(({ name }) => name)))
  expect(runs.filter(({ fault }) => fault !== undefined)).toEqual([])
})

test('figures that lack a run say so before all tables, and have nothing that follows from the constants', async () => {
  const kept = await readKept()
  const whole = { ...kept, runs: configurations.map(({ name }) => ({ ...kept.runs[0]!, ...runOf(kept, name), name })) }
  const lacking = { ...whole, runs: whole.runs.slice(1) }
  for (const figures of [scalingFigures, tuningFigures]) {
    expect(figures(whole)).not.toMatch(/Not complete/)
    expect(figures(lacking).split('###')[0]).toContain(`“${configurations[0]!.name}”. Without them`)
    expect(figures(whole)).not.toContain('To be measured')
    expect(figures(lacking)).toMatch(/### (What a node spends|The constants)\n\nTo be measured/)
  }
})

const runOf = ({ runs }: Kept, name: string) => runs.find((run) => run.name === name)
