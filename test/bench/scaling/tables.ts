/* What stands between the marks of docs/scaling.md and docs/tuning.md: nothing in it but what follows from the kept figures. */
import { aligned } from '../tables.js'
import { configurations } from './configurations.js'
import type { Kept } from './kept.js'
import { fitModel, loadOf, type Model, predictLoad, type Sample } from './model.js'
import { assumptions, million, nodeTable, readingTable, sizingTable, waysTable } from './sizing-tables.js'

export function scalingFigures(kept: Kept): string {
  const samples = samplesOf(kept)
  const model = modelOf(kept)
  return [
    originOf(kept),
    '### Measured, and predicted',
    comparisonTable(model, samples),
    errorsOf(model, samples),
    '### The constants',
    ifWhole(kept, () => constantsTable(model)),
    '### Nodes, by events per second',
    ifWhole(kept, () => `${assumptions()}\n\n${nodeTable(model)}`),
    '### Reading, by who appends',
    ifWhole(kept, () => readingTable(model)),
    '### The four ways, by nodes',
    ifWhole(kept, () => waysTable(model)),
    '### A million connections, 100,000 events per second',
    ifWhole(kept, () => million(model, kept.bytesPerConnection)),
  ].join('\n\n')
}

export function tuningFigures(kept: Kept): string {
  return [
    originOf(kept),
    '### What a node spends',
    ifWhole(kept, () => sizingTable(modelOf(kept), kept)),
    '### With other settings',
    settingsTable(kept),
  ].join('\n\n')
}

/** What follows from the constants, where those are of all runs. */
function ifWhole(kept: Kept, text: () => string): string {
  return missingOf(kept).length === 0 ? text() : 'To be measured: see “not complete” above.'
}

function originOf(kept: Kept): string {
  const { at, machine, commit, isProvisional, warmUpMs, measureMs } = kept
  const how = `runs of ${measureMs / 1_000} s after ${warmUpMs / 1_000} s`
  const warning = isProvisional
    ? '\n\n**Provisional**: measured in short runs or beside other work, not to be quoted.'
    : ''
  return `${at.slice(0, 10)}, commit ${commit}, ${machine}; ${how}.${warning}${missingText(kept)}`
}

/** The runs that have been asked for since the figures were measured. */
function missingOf({ runs }: Kept): string[] {
  return configurations.map(({ name }) => name).filter((name) => runs.every((run) => run.name !== name))
}

function missingText(kept: Kept): string {
  const missing = missingOf(kept)
  if (missing.length === 0) return ''
  const names = missing.map((name) => `“${name}”`).join(', ')
  return `\n\n**Not complete**: measured before there were the runs ${names}. Without them the constants cannot be told, and what follows from those is left out.`
}

/** Those that count. */
export function samplesOf({ runs }: Kept): Sample[] {
  return configurations.flatMap((configuration) => {
    const measured = runs.find(({ name, fault }) => name === configuration.name && fault === undefined)
    return measured === undefined ? [] : [{ configuration, measured }]
  })
}

export function modelOf(kept: Kept): Model {
  return fitModel(samplesOf(kept).filter(({ configuration }) => configuration.use === 'fit'))
}

function comparisonTable(model: Model, samples: readonly Sample[]): string {
  const head = [
    'run',
    'use',
    'nodes',
    'partitions',
    'node CPU',
    'predicted',
    'node reads',
    'predicted',
    'broker CPU',
    'predicted',
    'p50 / p99',
  ]
  const rows = samples.map((sample) => {
    const { configuration, measured } = sample
    const predicted = predictLoad(model, loadOf(sample))
    return [
      configuration.name,
      configuration.use,
      String(configuration.gateways),
      String(configuration.partitions),
      cpu(measured.gatewayCpuMs),
      withError(predicted.gatewayCpuMs, measured.gatewayCpuMs, cpu),
      kB(measured.gatewayReadBytes),
      withError(predicted.gatewayReadBytes, measured.gatewayReadBytes, kB),
      cpu(measured.brokerCpuMs),
      withError(predicted.brokerCpuMs, measured.brokerCpuMs, cpu),
      measured.p50Ms === 0 ? '–' : `${measured.p50Ms.toFixed(1)} / ${measured.p99Ms.toFixed(1)} ms`,
    ]
  })
  return aligned([head, ...rows])
}

const figures = [
  { title: 'node CPU', measured: 'gatewayCpuMs' },
  { title: 'bytes read', measured: 'gatewayReadBytes' },
  { title: 'broker CPU', measured: 'brokerCpuMs' },
] as const

/** How far off the predictions were, of the runs that the constants were fitted to and of those that they never saw. */
function errorsOf(model: Model, samples: readonly Sample[]): string {
  const rows = figures.map(({ title, measured }) => [
    title,
    ...(['fit', 'check'] as const).map((use) => {
      const errors = samples
        .filter(({ configuration }) => configuration.use === use)
        .map((sample) => Math.abs(predictLoad(model, loadOf(sample))[measured] / sample.measured[measured] - 1))
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
      return `${percent(mean)} / ${percent(Math.max(...errors))}`
    }),
  ])
  return aligned([['error, mean / greatest', 'fitted', 'checked'], ...rows])
}

function constantsTable({ gatewayUs, readBytes, brokerUs, fetchMs }: Model): string {
  const us = (value: number) => `${short(value)} µs`
  const bytes = (value: number) => `${short(value)} B`
  const ms = (value: number) => `${short(value)} ms`
  return aligned([
    ['', 'node CPU', 'node reads', 'broker CPU'],
    ['each second, whatever happens', us(gatewayUs.second), bytes(readBytes.second), us(brokerUs.second)],
    ['each fetch of a node', us(gatewayUs.fetch), bytes(readBytes.fetch), us(brokerUs.fetch)],
    ['each partition of a fetch', us(gatewayUs.partition), bytes(readBytes.partition), us(brokerUs.partition)],
    ['each record batch of a fetch', us(gatewayUs.batch), bytes(readBytes.batch), us(brokerUs.sent)],
    ['each event in the log', us(gatewayUs.event), bytes(readBytes.event), us(brokerUs.event)],
    ['each event that has members on the node', us(gatewayUs.shown), '', ''],
    ['each frame to a member', us(gatewayUs.frame), '', ''],
    ['each append request', '', '', us(brokerUs.append)],
    ['each record batch of an append', '', '', us(brokerUs.batch)],
    ['each kB sent to nodes', '', '', us(brokerUs.kB)],
  ]).concat(
    `\n\nTime between two fetches of a node: ${ms(fetchMs.fetch)}, ${ms(fetchMs.partition)} more for each partition, and ${short(fetchMs.append)} × the time between two appends.`,
  )
}

function settingsTable({ tuning }: Kept): string {
  const rows = tuning.map(({ name, gatewayCpuMs, frames, gatewayRssBytes, p50Ms, p99Ms, fault }) => [
    name,
    fault === undefined ? `${short((gatewayCpuMs * 1_000) / frames)} µs` : 'void',
    `${Math.round(gatewayRssBytes / 2 ** 20)} MiB`,
    `${p50Ms.toFixed(1)} / ${p99Ms.toFixed(1)} ms`,
  ])
  return aligned([
    ['1,000 rooms with one member each, 4,000 events/s', 'CPU per event', 'resident set', 'p50 / p99'],
    ...rows,
  ])
}

const cpu = (ms: number) => `${(ms / 10).toFixed(1)} %`
const kB = (bytes: number) => `${Math.round(bytes / 1_000)} kB/s`
const percent = (share: number) => `${Math.round(share * 100)} %`
const short = (value: number) => (value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(2))))

function withError(predicted: number, measured: number, format: (value: number) => string): string {
  const error = predicted / measured - 1
  return `${format(predicted)} (${error < 0 ? '−' : '+'}${percent(Math.abs(error))})`
}
