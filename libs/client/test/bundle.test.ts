import { fileURLToPath } from 'node:url'
import { createContext, runInContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from '@jest/globals'
import { build, stop } from 'esbuild'

// esbuild's service is a process of its own.
afterAll(() => stop())

async function bundle(contents: string, external: string[] = []): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
    bundle: true,
    external,
    minify: true,
    write: false,
    format: 'iife',
    globalName: 'roomway',
    platform: 'browser',
    target: 'es2022',
    conditions: ['source'],
  })
  return outputFiles[0]?.text ?? ''
}

// It was 8 KB until it refused, in place of sending, what cost a client its connection for good or its data, and 8.5 until it kept to the server's pace.
test('the client for JSON is under 9 KB gzipped', async () => {
  const text = await bundle("export { connect } from '@roomway/client'")
  const bytes = gzipSync(text).length
  expect(bytes).toBeGreaterThan(2000)
  expect(bytes).toBeLessThan(9216)
  expect(text).not.toContain('MessagePack')
  expect(text).not.toContain('useSyncExternalStore')
})

test('the React entry brings neither React nor another client along', async () => {
  const text = await bundle("export { useRoom, RoomwayProvider } from '@roomway/client/react'", ['react'])
  expect(gzipSync(text).length).toBeLessThan(3000)
  expect(text).toContain('useSyncExternalStore')
  expect(text).not.toContain('roomway.v1.json')
})

test.each([
  ['JSON', "export { connect } from '@roomway/client'"],
  ['MessagePack', "export { connect } from '@roomway/client'; export { msgpack } from '@roomway/client/msgpack'"],
])('the client for %s runs where there is nothing but a browser', async (_, contents) => {
  const opened: unknown[] = []
  const page = createContext({
    URL,
    TextEncoder,
    TextDecoder,
    performance,
    setTimeout,
    clearTimeout,
    queueMicrotask,
    location: { href: 'https://app.test/page' },
    WebSocket: class {
      constructor(url: string, protocols: string[]) {
        opened.push([url, [...protocols]])
      }
      close(): void {}
    },
  })
  runInContext(await bundle(contents), page)
  await runInContext(
    `(async () => {
      const client = roomway.connect('/', { connectTimeoutMs: 60000, ...(roomway.msgpack && { codec: roomway.msgpack }) })
      await new Promise((resolve) => setTimeout(resolve))
      void client.close()
    })()`,
    page,
  )
  expect(opened).toEqual([['wss://app.test/v1/ws', [expect.stringMatching(/^roomway\.v1\.(json|msgpack)$/)]]])
})
