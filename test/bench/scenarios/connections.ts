/* What connections cost: idle, and coming. */
import { type ConnectResult, runConnect } from '../connect-run.js'
import { type MemoryResult, runMemory } from '../memory-run.js'
import type { BenchOptions } from '../options.js'
import { figure, type Scenario, scaled } from './scenario.js'

export function memory(name: string, options: BenchOptions): Scenario {
  const connections = scaled(10_000, options)
  const goal = { times: 1.6 }
  return {
    name,
    title: `idle connections: ${connections}, each with an identity and one room of its own`,
    figures: [
      figure<MemoryResult>('bytes', 'memory per idle connection', 'bytes', goal, (run) => run.bytesPerConnection),
    ],
    connections,
    run: (bench, kind) => runMemory(bench, kind, { connections }),
  }
}

export function connect(name: string, options: BenchOptions): Scenario {
  const connections = scaled(10_000, options)
  return {
    name,
    title: `${connections} clients connect, authenticate by JWT and join`,
    figures: [
      figure<ConnectResult>('elapsed', 'time until all have joined', 'ms', undefined, (run) => run.elapsedMs),
      figure<ConnectResult>(
        'cpu',
        'CPU per client, less one signature check',
        'µs',
        { times: 1.5 },
        (run) => run.cpuUsPerConnection - run.signatureUs,
      ),
    ],
    connections,
    run: (bench, kind) => runConnect(bench, kind, connections),
  }
}
