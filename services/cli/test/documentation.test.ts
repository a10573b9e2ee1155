import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { compileFunction } from 'node:vm'
import { describe, expect, test } from '@jest/globals'
import { describeConfig } from '@roomway/config'
import { repositoryFolder } from '@roomway/testing'
import { roomway } from './command-line.js'

const root = repositoryFolder()
const guides = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'))
const decisions = readdirSync(join(root, 'docs/adr'))
const benchmarks = readdirSync(join(root, 'docs/benchmarks')).filter((name) => name.endsWith('.md'))
const readmes = readdirSync(join(root, 'libs')).map((name) => `libs/${name}/README.md`)
const documents = [
  'README.md',
  ...guides.map((name) => `docs/${name}`),
  ...decisions.map((name) => `docs/adr/${name}`),
  ...benchmarks.map((name) => `docs/benchmarks/${name}`),
  ...readmes.filter((path) => existsSync(join(root, path))),
].map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

/** By the names in the sources; those of the sources of others are put together. */
const metrics = ['services/gateway/src/operations/metrics.ts', 'services/app/src/operations/app-metrics.ts'].flatMap(
  (path) => {
    const source = readFileSync(join(root, path), 'utf8')
    const whole = [...source.matchAll(/'(roomway_[a-z_]+)'/g)].map(([, name]) => name!)
    const parts = [...source.matchAll(/counted\('([a-z_]+)'/g)].map(([, name]) => `roomway_source_${name}_total`)
    return [...whole, ...parts]
  },
)

describe.each(documents)('$path', ({ path, text }) => {
  test('links to files that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)]*)?\)/g)].map(([, target]) => target!)
    const broken = links.filter((target) => !existsSync(resolve(root, dirname(path), target)))
    expect(broken).toEqual([])
  })

  test('links to headings that are there', () => {
    const links = [...text.matchAll(/\]\(([^)#\s:]*)#([^)\s]+)\)/g)]
    const broken = links.filter(([, target, anchor]) => {
      const file = target === '' ? join(root, path) : resolve(root, dirname(path), target!)
      return file.endsWith('.md') && !anchorsIn(readFileSync(file, 'utf8')).includes(anchor!)
    })
    expect(broken.map(([link]) => link)).toEqual([])
  })

  test('names metrics that exist', () => {
    const named = [...text.matchAll(/\broomway_[a-z_]+_(total|bytes|seconds|records|up|connections)\b/g)].map(
      ([name]) => name,
    )
    expect(named.filter((name) => !metrics.includes(name))).toEqual([])
  })

  test('names settings that exist', () => {
    const known = new Set(describeConfig().map(({ name }) => name))
    const named = [...text.matchAll(/\bROOMWAY_[A-Z_]+[A-Z]\b/g)].map(([name]) => name)
    expect(named.filter((name) => !known.has(name) && !name.startsWith('ROOMWAY_TEST_'))).toEqual([])
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
  const index = readFileSync(join(root, 'docs/adr/README.md'), 'utf8')
  expect(decisions.filter((name) => name !== 'README.md' && !index.includes(`](${name})`))).toEqual([])
})

test('docs/operations.md names every metric, and docs/benchmarks.md links to all that belongs to it', () => {
  const textOf = (path: string) => documents.find((document) => document.path === path)!.text
  expect(metrics.filter((name) => !textOf('docs/operations.md').includes(`\`${name}\``))).toEqual([])
  expect(benchmarks.filter((name) => !textOf('docs/benchmarks.md').includes(`](benchmarks/${name})`))).toEqual([])
})

test('docs/handlers.md shows the example that is tested', () => {
  const guide = documents.find(({ path }) => path === 'docs/handlers.md')!.text
  const example = readFileSync(join(root, 'services/examples/src/chat-handlers.ts'), 'utf8')
  expect(guide).toContain(`\`\`\`ts\n${example}\`\`\``)
})

test('README.md’s handler rejects data of any other form, and answers its own', () => {
  const [, source] = /```js\n\/\/ handlers\.js\n([\s\S]*?)```/.exec(documents[0]!.text)!
  const body = source!.replace(/^import .*$/m, '').replace('export default', 'return')
  const { 'chat:{id}': room } = compileFunction(body, ['defineApp'])((rooms: unknown) => rooms)
  const publish = (data: unknown) => {
    const reject = (code: string) => {
      throw new Error(`rejected: ${code}`)
    }
    return room.publish({ emit() {}, reject }, { data })
  }
  for (const data of [null, 1, 'text', [], {}, { text: 1 }, { text: '' }])
    expect(() => publish(data)).toThrow('rejected: empty')
  expect(publish({ text: 'hello' })).toEqual({ characters: 5 })
})

test('README.md’s first lines say what Node before 22 needs', () => {
  const [, source] = /## Five lines\n\n```js\n([\s\S]*?)```/.exec(documents[0]!.text)!
  expect(source).toContain('webSocket: WebSocket')
})

test('docs/http.md’s token is signed with a secret that is named there', () => {
  const guide = documents.find(({ path }) => path === 'docs/http.md')!.text
  expect(guide).toMatch(/```sh\nexport ROOMWAY_JWT_SECRET=.*\nTOKEN=\$\(npx roomway token/)
})

test('docs/dependencies.md gives a reason for each library that a package needs to run, and says which do', () => {
  const guide = documents.find(({ path }) => path === 'docs/dependencies.md')!.text
  const rows = guide.split('\n').filter((line) => line.startsWith('|'))
  const unexplained = packages().flatMap(({ folder, dependencies }) =>
    dependencies
      .map((library) => `\`${library.replace(/^(@opentelemetry\/).*/, '$1*')}\``)
      .filter((library) => !rows.some((row) => row.includes(library) && new RegExp(`\\b${folder}\\b`).test(row)))
      .map((library) => `${folder}: ${library}`),
  )
  expect(unexplained).toEqual([])
})

test('docs/architecture.md names every package', () => {
  const guide = documents.find(({ path }) => path === 'docs/architecture.md')!.text
  const named = packages().filter(({ folder }) => guide.includes(folder) || folder.startsWith('libs/broker-'))
  expect(named).toEqual(packages())
})

function packages(): { readonly folder: string; readonly dependencies: readonly string[] }[] {
  return ['libs', 'services']
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => `${folder}/${name}`))
    .filter((folder) => existsSync(join(root, folder, 'package.json')))
    .map((folder) => {
      const { dependencies = {} } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
      return { folder, dependencies: Object.keys(dependencies).filter((name) => !name.startsWith('@roomway/')) }
    })
}

/** As GitHub makes them of headings. */
function anchorsIn(text: string): string[] {
  const headings = text.replaceAll(/```[\s\S]*?```/g, '').matchAll(/^#+ (.*)$/gm)
  return [...headings].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  )
}
