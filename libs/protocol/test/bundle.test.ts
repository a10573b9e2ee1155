import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from '@jest/globals'
import { build, stop } from 'esbuild'

// esbuild's service is a process of its own.
afterAll(() => stop())

async function bundledBytes(contents: string): Promise<{ bytes: number; text: string }> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('../../client', import.meta.url)) },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['source'],
  })
  const text = outputFiles[0]?.text ?? ''
  return { bytes: text.length, text }
}

test.each([
  ['a close code', "import { mayReconnect } from '@roomway/protocol'; console.log(mayReconnect(4000))", 200],
  ['all of the main entry', "import * as protocol from '@roomway/protocol'; console.log(protocol)", 4000],
  ['the json codec', "import { jsonCodec } from '@roomway/protocol/json'; console.log(jsonCodec)", 1500],
])('a page that uses %s bundles that and little else', async (_, contents, most) => {
  const { bytes } = await bundledBytes(contents)
  expect(bytes).toBeGreaterThan(50)
  expect(bytes).toBeLessThan(most)
})
