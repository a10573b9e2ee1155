import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { App } from '@roomway/app'
import { deadRecord } from '@roomway/records'
import { pythonPath, run } from '@roomway/testing'
import { json } from '../fixtures.js'
import { adminToken, ask, bearer, embeddedBench, type HttpBench, secret } from './http-fixture.js'

// What it tells is no fault: that the data is valid in its content type, and that a position is one of this log, no schema can say.
const unsaid = '[checks]\npositive_data_acceptance.enabled = false\n'

describe('every endpoint, driven from the OpenAPI document with valid and invalid input', () => {
  let bench: HttpBench
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roomway-openapi-'))
    bench = await embeddedBench()
    const dead = await bench.broker.log('dead')
    const record = (offset: number) => ({ partition: 0, offset, key: 'room:1', headers: {}, value: json(1), timeMs: 1 })
    await dead.append(
      Array.from({ length: 200 }, (_, i) => deadRecord({ log: 'intake', epoch: 'e' }, record(i), 'bad_json')),
    )
  })

  afterEach(async () => {
    await bench.close()
    await rm(folder, { recursive: true })
  })

  /** @throws Error that says which request was answered with something that the document does not promise, or with a 5xx. */
  async function drive(app: App, settings: string): Promise<string> {
    const python = await pythonPath('openapi')
    const file = join(folder, 'schemathesis.toml')
    await writeFile(file, settings)
    const document = `http://127.0.0.1:${app.port}/openapi.json`
    const options = ['--seed', '4', '--max-examples', '15', '--workers', '1', '--no-color']
    const args = ['-m', 'schemathesis.cli', '--config-file', file, 'run', document, ...options]
    return run(python, args, { cwd: folder, timeoutMs: 240_000 })
  }

  test('gives no 5xx, and no answer that is not documented', async () => {
    const app = await bench.start({}, { ROOMWAY_MAX_HTTP_EVENTS_PER_SECOND: '1000000' })
    const report = await drive(app, unsaid)
    expect(report).toMatch(/Tested:\s+8/)
    expect(report).not.toMatch(/❌/)
  }, 300_000)

  test('gives none with tokens either', async () => {
    const env = {
      ROOMWAY_JWT_SECRET: secret,
      ROOMWAY_ADMIN_TOKEN: adminToken,
      ROOMWAY_MAX_HTTP_EVENTS_PER_SECOND: '1000000',
    }
    const app = await bench.start({}, env)
    const { authorization } = await bearer('ann', { join: ['**'], publish: ['**'] })
    const token = authorization.slice('Bearer '.length)
    const auth = `[auth.openapi.bearer]\nbearer = "${token}"\n[auth.openapi.admin]\nbearer = "${adminToken}"\n`
    const report = await drive(app, auth + unsaid)
    expect(report).toMatch(/Tested:\s+8/)
    expect(report).not.toMatch(/❌/)
  }, 300_000)

  test('are those that the instance serves', async () => {
    const app = await bench.start()
    const { body } = await ask(app, '/openapi.json')
    expect(body.openapi).toBe('3.1.0')
    expect(Object.entries(body.paths).map(([path, methods]) => [path, Object.keys(methods as object)])).toEqual([
      ['/v1/events', ['post', 'get']],
      ['/v1/dead', ['get']],
      ['/v1/dead/{id}', ['get', 'delete']],
      ['/v1/dead/{id}/replay', ['post']],
      ['/livez', ['get']],
      ['/readyz', ['get']],
    ])
  })
})
