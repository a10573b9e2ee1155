import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder } from '@roomway/testing'
import { builtInPeers } from './peers/built-in.js'
import { type Peer, readPeer } from './peers/peer.js'
import { scenarioNames } from './scenarios/index.js'

export interface BenchOptions {
  readonly names: readonly string[]
  readonly pairs: number
  /** Where the noise asks for more than `pairs`. */
  readonly maxPairs: number
  readonly warmUpMs: number
  readonly measureMs: number
  /** Factor on sockets, rates and connections; below 1 for trying the benchmark itself. */
  readonly scale: number
  readonly headers: 'foreign' | 'roomway'
  readonly pinned: boolean
  readonly fromSources: boolean
  readonly profile: boolean
  /** µs of a busy loop that the gateway runs for each event: a check of the benchmark itself. */
  readonly slowDownUs: number
  /** A checkout whose gateway plays the raw server's part. */
  readonly beforeFolder: string | undefined
  /** Profiles become flame graphs in the documentation. */
  readonly flame: boolean
  /** Whether the benchmark notices a gateway that is slower, in place of a measurement. */
  readonly check: boolean
  readonly soak: SoakOptions | undefined
  /** Servers beside which the gateway is measured in the scenarios of that name; none: those that are built in. */
  readonly peers: readonly Peer[]
  readonly writeDocs: boolean
  /** Tables and plots anew, of what the documentation has. */
  readonly plots: boolean
  readonly help: boolean
  readonly resultsFile: string
}

export interface SoakOptions {
  readonly minutes: number
  /** Events per second; undefined: half of the highest rate that is kept. */
  readonly rate: number | undefined
}

const knownPeers: readonly Peer[] = Object.values(builtInPeers)

export const usage = `usage: npm run bench -- [name …] [options]     without a name: all but soak

  names: ${scenarioNames.join(', ')}, soak

  --pairs N             rounds: of raw, gateway and raw within one run, or in runs that alternate (with peers, of all of them); default 5
  --max-pairs N         where raw against raw reads more than 3 %, or a goal is too close to tell; default three times as many
  --measure SECONDS     measured part of a run, of each server; default 7
  --warm-up SECONDS     load before it; default 3
  --scale FACTOR        fewer or more sockets, events and connections; default 1
  --headers roomway     events carry the time header of Roomway's publisher; default foreign
  --pin                 server on CPU 0, load and broker on CPU 1, by taskset; default: as the system likes
  --sources             the gateway from its sources, not from what was built
  --profile             one run of each under V8's profiler in place of a measurement; not of memory, highest, publish and direct
  --flame               with --profile: flame graphs into docs/benchmarks
  --gateway FOLDER      the built gateway of another checkout plays the raw server's part
  --minutes N           soak: how long; default 30
  --rate N              soak: events/s; default half of the highest rate that is kept
  --check               adds 20 % to the gateway's CPU and fails where that is not noticed; for rooms and fanout-100 without a name
  --slow-down µs        the gateway runs a busy loop for each event: what the benchmark must notice
  --peer NAME|FILE      in peers-…: in place of all that are built in (${knownPeers.map(({ name }) => name).join(', ')})
                        this one, or the one a file describes; may be given several times
  --results FILE        where the figures are kept as JSON
  --write-docs          puts the kept figures into the documentation; after the named scenarios, or without running any
  --plots               tables and plots of the documentation anew, of the figures that it has; runs nothing
`

const checkedNames = ['rooms', 'fanout-100']

export class UsageError extends Error {}

/** @throws UsageError */
export async function readOptions(args: readonly string[]): Promise<BenchOptions> {
  const { values, positionals } = parse(args)
  const unknown = positionals.filter((name) => !scenarioNames.includes(name) && name !== 'soak')
  if (unknown.length > 0) throw new UsageError(`no such benchmark: ${unknown.join(', ')}`)
  const writeDocs = values['write-docs'] ?? false
  const check = values.check ?? false
  const pairs = Math.round(positive('pairs', values.pairs))
  return {
    names: namesOf(positionals, writeDocs, check),
    pairs,
    maxPairs: values['max-pairs'] === undefined ? pairs * 3 : Math.round(positive('max-pairs', values['max-pairs'])),
    warmUpMs: positive('warm-up', values['warm-up']) * 1_000,
    measureMs: positive('measure', values.measure) * 1_000,
    scale: positive('scale', values.scale),
    headers: headersOf(values.headers),
    pinned: values.pin ?? false,
    fromSources: values.sources ?? false,
    profile: values.profile ?? false,
    slowDownUs: Number(values['slow-down'] ?? 0),
    beforeFolder: values.gateway === undefined ? undefined : resolve(values.gateway),
    flame: values.flame ?? false,
    check,
    soak: positionals.includes('soak') ? soakOf(values) : undefined,
    peers: await Promise.all((values.peer ?? []).map(peerNamed)),
    writeDocs,
    plots: values.plots ?? false,
    help: values.help ?? false,
    resultsFile: values.results ?? join(cacheFolder(), 'bench', 'results.json'),
  }
}

function namesOf(positionals: readonly string[], writeDocs: boolean, check: boolean): readonly string[] {
  if (positionals.length > 0) return positionals.filter((name) => name !== 'soak')
  if (check) return checkedNames
  return writeDocs ? [] : scenarioNames
}

function soakOf({ minutes, rate }: { readonly minutes: string; readonly rate?: string }): SoakOptions {
  return { minutes: positive('minutes', minutes), rate: rate === undefined ? undefined : positive('rate', rate) }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        pairs: { type: 'string', default: '5' },
        measure: { type: 'string', default: '7' },
        'warm-up': { type: 'string', default: '3' },
        scale: { type: 'string', default: '1' },
        headers: { type: 'string', default: 'foreign' },
        pin: { type: 'boolean' },
        sources: { type: 'boolean' },
        profile: { type: 'boolean' },
        'slow-down': { type: 'string' },
        'max-pairs': { type: 'string' },
        gateway: { type: 'string' },
        flame: { type: 'boolean' },
        check: { type: 'boolean' },
        minutes: { type: 'string', default: '30' },
        rate: { type: 'string' },
        peer: { type: 'string', multiple: true },
        results: { type: 'string' },
        'write-docs': { type: 'boolean' },
        plots: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

async function peerNamed(text: string): Promise<Peer> {
  const builtIn = knownPeers.find(({ name }) => name === text)
  if (builtIn !== undefined) return builtIn
  return readPeer(text).catch((error: Error) => {
    throw new UsageError(error.message)
  })
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new UsageError(`--${name} must be a positive number, not ${text}`)
  return value
}

function headersOf(text: string): 'foreign' | 'roomway' {
  if (text !== 'foreign' && text !== 'roomway')
    throw new UsageError(`--headers must be foreign or roomway, not ${text}`)
  return text
}
