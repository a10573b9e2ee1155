import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder } from '@roomway/testing'
import { builtInPeers } from './peers/built-in.js'
import { type Peer, readPeer } from './peers/peer.js'
import { scenarioNames } from './scenarios/index.js'

export interface BenchOptions {
  readonly names: readonly string[]
  readonly pairs: number
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
  /** Servers beside which the gateway is measured in the scenarios of that name; none: those that are built in. */
  readonly peers: readonly Peer[]
  readonly writeDocs: boolean
  readonly help: boolean
  readonly resultsFile: string
}

const knownPeers: readonly Peer[] = Object.values(builtInPeers)

export const usage = `usage: npm run bench -- [name …] [options]     without a name: all

  names: ${scenarioNames.join(', ')}

  --pairs N             alternating runs of raw and gateway (with peers, of all in turn); default 5, and one more of the first
  --measure SECONDS     measured part of a run; default 7
  --warm-up SECONDS     load before it; default 3
  --scale FACTOR        fewer or more sockets, events and connections; default 1
  --headers roomway     events carry the time header of Roomway's publisher; default foreign
  --pin                 server on CPU 0, load and broker on CPU 1, by taskset; default: as the system likes
  --sources             the gateway from its sources, not from what was built
  --profile             one run of each under V8's profiler in place of a measurement
  --slow-down µs        the gateway runs a busy loop for each event: what the benchmark must notice
  --peer NAME|FILE      in peers-…: in place of all that are built in (${knownPeers.map(({ name }) => name).join(', ')})
                        this one, or the one a file describes; may be given several times
  --results FILE        where the figures are kept as JSON
  --write-docs          puts the kept figures into docs/benchmarks.md; after the named scenarios, or without running any
`

export class UsageError extends Error {}

/** @throws UsageError */
export async function readOptions(args: readonly string[]): Promise<BenchOptions> {
  const { values, positionals } = parse(args)
  const unknown = positionals.filter((name) => !scenarioNames.includes(name))
  if (unknown.length > 0) throw new UsageError(`no such benchmark: ${unknown.join(', ')}`)
  const writeDocs = values['write-docs'] ?? false
  const named = positionals
  return {
    names: named.length > 0 || writeDocs ? named : scenarioNames,
    pairs: Math.round(positive('pairs', values.pairs)),
    warmUpMs: positive('warm-up', values['warm-up']) * 1_000,
    measureMs: positive('measure', values.measure) * 1_000,
    scale: positive('scale', values.scale),
    headers: headersOf(values.headers),
    pinned: values.pin ?? false,
    fromSources: values.sources ?? false,
    profile: values.profile ?? false,
    slowDownUs: Number(values['slow-down'] ?? 0),
    peers: await Promise.all((values.peer ?? []).map(peerNamed)),
    writeDocs,
    help: values.help ?? false,
    resultsFile: values.results ?? join(cacheFolder(), 'bench', 'results.json'),
  }
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
        peer: { type: 'string', multiple: true },
        results: { type: 'string' },
        'write-docs': { type: 'boolean' },
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
