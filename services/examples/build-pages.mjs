import { cp, mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const pages = fileURLToPath(new URL('./pages/', import.meta.url))
const assets = ['index.html', 'host-metrics.html', 'chat.html', 'icon.svg']

/** Bundles the pages into `outDir`, from sources: what they use needs no build of its own. */
export async function buildPages(outDir) {
  await mkdir(outDir, { recursive: true })
  await build({
    entryPoints: ['overview.ts', 'host-metrics.ts', 'chat.ts', 'style.css'].map((name) => pages + name),
    outdir: outDir,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    conditions: ['source'],
    legalComments: 'eof',
    logLevel: 'warning',
  })
  await Promise.all(assets.map((name) => cp(pages + name, `${outDir}/${name}`)))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPages(fileURLToPath(new URL('./dist/pages', import.meta.url)))
}
