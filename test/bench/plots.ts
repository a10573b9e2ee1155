/* Plots of the published figures, as SVG. The same figures give the same bytes. */
import * as echarts from 'echarts'
import type { Row } from './comparison.js'
import type { Published } from './documents.js'
import type { Measurement } from './report.js'
import { type SoakMeasurement, settledMinute } from './soak-judgement.js'
import type { SoakSample } from './soak-run.js'

const width = 820
const rowHeight = 26
const ink = '#1f2328'
const colors = {
  met: '#2da44e',
  missed: '#cf222e',
  other: '#6e7781',
  goal: '#0969da',
  raw: '#9aa4af',
  gateway: '#0969da',
}
const looks = { animation: false, backgroundColor: '#ffffff', textStyle: { fontFamily: 'sans-serif', color: ink } }

/** By file name. */
export function plotsOf({ results, soak }: Published): Readonly<Record<string, string>> {
  const beside = results.filter(({ before }) => before === undefined)
  const ofGateway = rowsOf(beside).filter(({ measured }) => measured.name === 'gateway')
  const ofPeers = rowsOf(beside).filter(({ measured, ratio }) => measured.name !== 'gateway' && ratio !== undefined)
  const judged = ofGateway.filter(({ goal, ratio }) => goal !== undefined && ratio !== undefined)
  const latencies = ofGateway.filter(({ unit, base }) => unit === 'ms' && base.value !== undefined)
  return {
    ...(judged.length > 0 && { 'ratios.svg': ratios('Gateway by raw', judged) }),
    ...(ofPeers.length > 0 && { 'peers.svg': ratios('Peers by the gateway', ofPeers) }),
    ...(latencies.length > 0 && { 'latencies.svg': latency(latencies) }),
    ...(soak !== undefined && soakPlots(soak)),
  }
}

const rowsOf = (results: readonly Measurement[]) => results.flatMap(({ rows }) => rows)

/** @param option of a chart with `height`. */
function svgOf(option: echarts.EChartsCoreOption, height: number): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({ ...looks, ...option })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return `${stillOf(svg)}\n`
}

/** Without what is for a browser's pointer; names inside of a plot carry a number that counts the plots of a process. */
function stillOf(svg: string): string {
  return svg
    .replaceAll(/<style >[\s\S]*?<\/style>\s*/g, '')
    .replaceAll(/ (?:class="zr\d+-cls-\d+"|ecmeta_\w+="[^"]*"|pointer-events="visible")/g, '')
    .replaceAll(/\bzr\d+-/g, 'zr-')
}

/** What a ratio is to be, of a goal that also allows an absolute difference: beside this raw figure. */
function goalRatio({ goal, base }: Row): number {
  if (goal === undefined) return Number.NaN
  if ('atLeast' in goal) return goal.atLeast
  return goal.times + (goal.plus === undefined ? 0 : goal.plus / base.value!)
}

function ratios(what: string, rows: readonly Row[]): string {
  const top = [...rows].reverse()
  const at = (n: number) => [top[n]!.ratio!.min, top[n]!.ratio!.max] as const
  return svgOf(
    {
      title: {
        text: `${what}: median of the runs, least and greatest, goal`,
        textStyle: { fontSize: 14 },
      },
      grid: { left: 300, right: 60, top: 52, bottom: 30 },
      xAxis: { type: 'value', min: 0, name: '×' },
      yAxis: {
        type: 'category',
        data: top.map(labelOf),
        axisLabel: { width: 280, overflow: 'truncate' },
      },
      series: [
        {
          name: 'ratio',
          type: 'bar',
          barWidth: 12,
          data: top.map((row) => ({ ...labelled(row.ratio!.median), itemStyle: { color: colorOf(row) } })),
        },
        spreadSeries(top.map((_, n) => at(n))),
        {
          name: 'goal',
          type: 'scatter',
          symbol: 'rect',
          symbolSize: [3, 20],
          itemStyle: { color: colors.goal },
          data: top.map((row, n) => [round(goalRatio(row)), n]),
        },
      ],
    },
    90 + rows.length * rowHeight,
  )
}

const labelOf = ({ scenario, title, measured }: Row) =>
  measured.name === 'gateway' ? `${scenario}: ${title}` : `${scenario}, ${measured.name}: ${title}`

const round = (value: number) => Number(value.toPrecision(3))

function colorOf({ verdict }: Row): string {
  return verdict === 'met' || verdict === 'missed' ? colors[verdict] : colors.other
}

/** Beside a bar that is too short for it. */
function labelled(ratio: number) {
  const place = ratio < 0.3 ? { position: 'right', color: ink } : { position: 'insideLeft', color: '#ffffff' }
  return { value: round(ratio), label: { show: true, formatter: '{c}', fontSize: 10, ...place } }
}

/** A thin line from the least to the greatest of each row. */
function spreadSeries(spreads: readonly (readonly [number, number])[]) {
  return {
    type: 'custom',
    silent: true,
    z: 5,
    data: spreads.map(([min, max], n) => [min, max, n]),
    renderItem: (_: unknown, api: { value(n: number): number; coord(at: number[]): number[] }) => {
      const [x1, y1] = api.coord([api.value(0), api.value(2)])
      const [x2, y2] = api.coord([api.value(1), api.value(2)])
      return { type: 'line', shape: { x1, y1, x2, y2 }, style: { stroke: ink, lineWidth: 1.5 } }
    },
  }
}

function latency(rows: readonly Row[]): string {
  const top = [...rows].reverse()
  const series = (name: 'raw' | 'gateway', of: 'base' | 'measured') => ({
    name,
    type: 'scatter',
    symbolSize: 10,
    itemStyle: { color: colors[name] },
    data: top.map((row, n) => [round(row[of].value ?? Number.NaN), n]),
  })
  return svgOf(
    {
      title: { text: 'Times in ms (logarithmic)', left: 8, top: 4, textStyle: { fontSize: 14 } },
      legend: { data: ['gateway', 'raw'], top: 24, right: 20 },
      grid: { left: 300, right: 60, top: 52, bottom: 30 },
      xAxis: { type: 'log', min: 0.1, name: 'ms' },
      yAxis: {
        type: 'category',
        data: top.map((row) => `${row.scenario}: ${row.title}`),
        axisLabel: { width: 280, overflow: 'truncate' },
      },
      series: [series('raw', 'base'), series('gateway', 'measured')],
    },
    90 + rows.length * rowHeight,
  )
}

function soakPlots(soak: SoakMeasurement): Record<string, string> {
  const { samples } = soak
  const line = (name: string, panel: number, of: (sample: SoakSample) => number | undefined) => ({
    name,
    type: 'line',
    xAxisIndex: panel,
    yAxisIndex: panel,
    symbol: 'none',
    lineStyle: { width: 1.2 },
    data: samples.flatMap((sample) => (of(sample) === undefined ? [] : [[round2(sample.minute), round2(of(sample)!)]])),
  })
  const panels = ['MB', 'event loop late, ms', 'latency, ms', 'joins, resumes, returns, ms']
  const top = (panel: number) => 90 + panel * 190
  const svg = svgOf(
    {
      title: { text: soak.title, left: 8, top: 4, textStyle: { fontSize: 12 } },
      legend: { left: 8, top: 24, itemWidth: 14, itemHeight: 8, itemGap: 14, textStyle: { fontSize: 10 } },
      grid: panels.map((_, panel) => ({ left: 70, right: 30, top: top(panel), height: 140 })),
      xAxis: panels.map((_, gridIndex) => ({
        type: 'value',
        gridIndex,
        min: 0,
        max: Math.ceil(soak.minutes),
        name: 'min',
        nameGap: 5,
      })),
      yAxis: panels.map((name, gridIndex) => ({
        type: gridIndex >= 2 ? 'log' : 'value',
        gridIndex,
        name,
        nameTextStyle: { align: 'left' },
      })),
      series: [
        { ...line('resident set', 0, ({ rssMb }) => rssMb), markLine: from(settledMinute(soak)) },
        line('heap after collections', 0, ({ heapMb }) => heapMb),
        line('heap, used or not', 0, ({ heapHeldMb }) => heapHeldMb),
        line('buffers outside of it', 0, ({ externalMb }) => externalMb),
        line('loop late, with waiting for a CPU', 1, ({ lateMs }) => lateMs),
        line('loop late by itself', 1, ({ ownLateMs }) => ownLateMs),
        line('latency p50', 2, ({ p50Ms }) => Math.max(leastMs, p50Ms)),
        line('latency p99', 2, ({ p99Ms }) => Math.max(leastMs, p99Ms)),
        line('joins p50', 3, ({ joins }) => joins.p50Ms),
        line('resumes p50', 3, ({ resumes }) => resumes.p50Ms),
        line('returns p50', 3, ({ returns }) => returns.p50Ms),
        line('longest wait', 3, longestWaitMs),
      ],
    },
    top(panels.length) - 10,
  )
  return { 'soak.svg': svg }
}

/** On a logarithmic axis, which has no 0. */
const leastMs = 0.01

const longestWaitMs = ({ joins, resumes, returns, longestOpenMs }: SoakSample) =>
  Math.max(leastMs, longestOpenMs, joins.maxMs ?? 0, resumes.maxMs ?? 0, returns.maxMs ?? 0)

const round2 = (value: number) => Math.round(value * 100) / 100

const from = (minute: number) => ({
  silent: true,
  symbol: 'none',
  label: { formatter: 'judged from here', fontSize: 9 },
  lineStyle: { color: colors.other },
  data: [{ xAxis: minute }],
})
