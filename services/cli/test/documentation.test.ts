import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { describeConfig } from '@roomway/config'
import { repositoryFolder } from '@roomway/testing'
import { roomway } from './command-line.js'

const root = repositoryFolder()
const guides = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
const documents = ['README.md', ...guides.map((name) => `docs/${name}`)].map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}))

describe.each(documents)('$path', ({ path, text }) => {
  test('links to files that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)/g)].map(([, target]) => target!)
    const broken = links.filter((target) => !existsSync(resolve(root, dirname(path), target)))
    expect(broken).toEqual([])
  })

  test('names settings that exist', () => {
    const known = new Set(describeConfig().map(({ name }) => name))
    const named = [...text.matchAll(/\bROOMWAY_[A-Z_]+[A-Z]\b/g)].map(([name]) => name)
    expect(named.filter((name) => !known.has(name))).toEqual([])
  })

  test('shows commands that exist', async () => {
    const { stdout: help } = await roomway(['--help'])
    const shown = [...text.matchAll(/npx roomway ([a-z]+)/g)].map(([, command]) => command!)
    expect(shown.filter((command) => !new RegExp(`^  ${command}\\b`, 'm').test(help))).toEqual([])
  })
})

test('README.md links to every guide, and docs/adr/README.md to every decision', () => {
  const readme = documents[0]!.text
  expect(guides.filter((name) => !readme.includes(`](docs/${name})`))).toEqual([])
  const decisions = readdirSync(join(root, 'docs/adr')).filter((name) => name !== 'README.md')
  const index = readFileSync(join(root, 'docs/adr/README.md'), 'utf8')
  expect(decisions.filter((name) => !index.includes(`](${name})`))).toEqual([])
})

test('docs/handlers.md shows the example that is tested', () => {
  const guide = documents.find(({ path }) => path === 'docs/handlers.md')!.text
  const example = readFileSync(join(root, 'services/examples/src/chat-handlers.ts'), 'utf8')
  expect(guide).toContain(`\`\`\`ts\n${example}\`\`\``)
})

test('docs/dependencies.md gives a reason for each library that a package needs to run', () => {
  const reasons = documents.find(({ path }) => path === 'docs/dependencies.md')!.text
  const unexplained = packages().flatMap(({ name, dependencies = {} }) =>
    Object.keys(dependencies)
      .filter((library) => !library.startsWith('@roomway/'))
      .filter((library) => !reasons.includes(`\`${library.replace(/^(@opentelemetry\/).*/, '$1*')}\``))
      .map((library) => `${name}: ${library}`),
  )
  expect(unexplained).toEqual([])
})

function packages(): { readonly name: string; readonly dependencies?: Record<string, string> }[] {
  return ['libs', 'services']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(root, folder, name, 'package.json')))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')))
}
