import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { configurationMarkdown, describeConfig } from '../src/index.js'
import { settings } from '../src/settings.js'

test('docs/configuration.md says what the schema says (npm run docs -w @roomway/config writes it)', () => {
  const document = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8')
  expect(document).toBe(configurationMarkdown())
})

test('every setting is described, once, with its default', () => {
  const rows = describeConfig()
  expect(rows.map(({ name }) => name).toSorted()).toEqual(Object.keys(settings).toSorted())
  expect(rows.find(({ name }) => name === 'ROOMWAY_PARTITIONS')?.default).toBe('`16`')
})

test('every setting that is named after a secret is treated as one', () => {
  const secretive = describeConfig().filter(({ name }) => /SECRET|TOKEN|PASSWORD|RABBITMQ_URL/.test(name))
  expect(secretive.map(({ secret }) => secret)).toEqual(secretive.map(() => true))
})
