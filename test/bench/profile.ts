/*
 * Where the CPU goes: one run of each server under V8's sampling profiler, and its functions by self time, in the measured time only. What
 * uWebSockets.js does outside of JavaScript, writing to sockets above all, is in `(program)` or taken for idle time.
 */
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { repositoryFolder } from '@roomway/testing'
import type { Bench } from './bench.js'
import { describe } from './comparison.js'
import { documentsFolder } from './documents.js'
import { type FlameNode, flameSvg } from './flame.js'
import { UsageError } from './options.js'
import type { Scenario } from './scenarios/scenario.js'
import type { ServerKind } from './servers.js'

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

interface CpuProfile {
  /** In µs of the system's monotonic clock. */
  readonly startTime: number
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

const shownFunctions = 30
const idle = new Set(['(idle)', '(root)'])

/** Profiles one run of `kind` and prints shares of the time in which it was not idle; with `flame`, draws them into the documentation's folder. */
export async function profileServer(
  bench: Bench,
  scenario: Scenario,
  kind: ServerKind,
  { say, flame }: { readonly say: (line: string) => void; readonly flame: boolean },
): Promise<void> {
  const profileFolder = await mkdtemp(join(tmpdir(), 'roomway-profile-'))
  const profiled = { ...bench, serverOptions: { ...bench.serverOptions, profileFolder } }
  const result = await scenario.run(profiled, kind)
  if (!('window' in result))
    throw new UsageError(`--profile is for what is measured over a time of its own, not for ${scenario.name}`)
  const name = (await readdir(profileFolder)).find((candidate) => candidate.endsWith('.cpuprofile'))
  if (name === undefined) throw new Error(`${kind} left no profile in ${profileFolder}`)
  const file = join(profileFolder, name)
  const profile = JSON.parse(await readFile(file, 'utf8')) as CpuProfile
  const root =
    kind === 'raw' && bench.serverOptions.beforeFolder !== undefined
      ? bench.serverOptions.beforeFolder
      : repositoryFolder()
  const usById = sampledUs(profile, result.window)
  const totals = selfTimes(profile, usById, root)
  const who = kind === 'raw' && root !== repositoryFolder() ? basename(root) : kind
  say(`\n${who}: ${describe(scenario, result)}`)
  if (flame)
    await draw(`flame-${scenario.name}-${who}.svg`, `${scenario.title}: ${who}`, flameNodes(profile, usById, root))
  say(`${file} (open it in Chrome's or VS Code's profiler)`)
  print(
    'by package',
    sums(totals, ({ place }) => packageOf(place)),
    say,
  )
  print(
    'by file',
    sums(totals, ({ place }) => place.replace(/:\d+$/, '')),
    say,
  )
  print(
    'by function',
    sums(totals, ({ label, place }) => `${label}  ${place}`),
    say,
  )
}

interface SelfTime {
  readonly label: string
  readonly place: string
  readonly us: number
}

/** Of each node by itself, in the measured time. */
function sampledUs(profile: CpuProfile, [fromUs, toUs]: readonly [number, number]): ReadonlyMap<number, number> {
  const { samples, timeDeltas, startTime } = profile
  const usById = new Map<number, number>()
  let atUs = startTime
  for (const [n, id] of samples.entries()) {
    const us = timeDeltas[n] ?? 0
    atUs += us
    if (atUs >= fromUs && atUs <= toUs) usById.set(id, (usById.get(id) ?? 0) + us)
  }
  return usById
}

function selfTimes({ nodes }: CpuProfile, usById: ReadonlyMap<number, number>, root: string): SelfTime[] {
  return nodes
    .filter(({ callFrame }) => !idle.has(callFrame.functionName))
    .map(({ id, callFrame }) => ({ ...named(callFrame, root), us: usById.get(id) ?? 0 }))
}

const named = (callFrame: ProfileNode['callFrame'], root: string) => ({
  label: callFrame.functionName || '(anonymous)',
  place: placeOf(callFrame, root),
})

/** What the root called, without idle time. */
function flameNodes({ nodes }: CpuProfile, usById: ReadonlyMap<number, number>, root: string): FlameNode[] {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const childrenOf = (node: ProfileNode): FlameNode[] =>
    (node.children ?? [])
      .map((id) => byId.get(id)!)
      .filter(({ callFrame }) => !idle.has(callFrame.functionName))
      .map((child) => ({
        ...named(child.callFrame, root),
        selfUs: usById.get(child.id) ?? 0,
        children: childrenOf(child),
      }))
  return childrenOf(nodes[0]!)
}

async function draw(name: string, title: string, nodes: readonly FlameNode[]): Promise<void> {
  await mkdir(documentsFolder, { recursive: true })
  await writeFile(join(documentsFolder, name), flameSvg(title, nodes))
}

function placeOf({ url, lineNumber }: ProfileNode['callFrame'], root: string): string {
  if (url === '') return '(native)'
  if (!url.startsWith('file:') && !url.startsWith('/')) return url
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  return `${relative(root, path)}:${lineNumber + 1}`
}

function packageOf(place: string): string {
  const found = /^(?:libs|services)\/[^/]+|node_modules\/(?:@[^/]+\/)?[^/]+/.exec(place)
  return found?.[0] ?? (place.startsWith('node:') ? 'node' : place)
}

function sums(times: readonly SelfTime[], keyOf: (time: SelfTime) => string): [string, number][] {
  const byKey = new Map<string, number>()
  for (const time of times) byKey.set(keyOf(time), (byKey.get(keyOf(time)) ?? 0) + time.us)
  return [...byKey].sort((a, b) => b[1] - a[1])
}

function print(title: string, entries: readonly [string, number][], say: (line: string) => void): void {
  const total = entries.reduce((sum, [, us]) => sum + us, 0)
  say(`  self time ${title}, of ${(total / 1e6).toFixed(2)} s in which it was not idle`)
  for (const [key, us] of entries.slice(0, shownFunctions)) {
    say(`    ${((us / total) * 100).toFixed(1).padStart(5)} %  ${key}`)
  }
}
