import { expect, test } from '@jest/globals'
import { chromium } from 'playwright-core'
import { chromiumPath } from '../src/index.js'

test('there is a Chromium, and it runs', async () => {
  const browser = await chromium.launch({ executablePath: await chromiumPath() })
  const page = await browser.newPage()
  expect(await page.evaluate('typeof WebSocket')).toBe('function')
  await browser.close()
}, 120_000)
