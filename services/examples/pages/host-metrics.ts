import type { Sample } from '../src/host-metrics/sample.js'
import { Chart, type Line } from './chart.js'
import { ConnectionPanel } from './connection-panel.js'
import { byId } from './element.js'
import { bytes, bytesPerSecond, percent } from './figures.js'
import { connectGateway } from './gateway.js'
import { followSamples, type SampleEvents } from './sample-feed.js'
import type { SampleHistory } from './sample-history.js'

const spanMs = 180_000

const memoryChart = new Chart(byId('memory-chart'), {
  lines: [{ label: 'in use', color: '--series-1', filled: true }],
  format: bytes,
  atLeast: 1,
})
const networkChart = new Chart(byId('network-chart'), {
  lines: [
    { label: 'in', color: '--series-1', filled: true },
    { label: 'out', color: '--series-2' },
  ],
  format: bytesPerSecond,
  atLeast: 10_000,
})
const loadChart = new Chart(byId('load-chart'), {
  lines: [
    { label: '1 min', color: '--series-1' },
    { label: '5 min', color: '--series-2' },
    { label: '15 min', color: '--series-3' },
  ],
  format: (value) => value.toFixed(2),
  atLeast: 1,
})
/** Made with the first sample, which says how many cores there are. */
let cpuChart: Chart | undefined

function makeCpuChart(cores: number): Chart {
  const lines: Line[] = Array.from({ length: cores }, (_, core) => ({
    label: `core ${core}`,
    color: '--series-faint',
    width: 1,
  }))
  lines.push({ label: 'total', color: '--series-1', filled: true, width: 2 })
  return new Chart(byId('cpu-chart'), { lines, format: percent, atLeast: 100 })
}

function draw(history: SampleHistory, latest: Sample): void {
  const [from, to] = history.range
  cpuChart ??= makeCpuChart(latest.cpu.cores.length)
  cpuChart.show(
    history.series(({ cpu }) => [...cpu.cores, cpu.total]),
    from,
    to,
  )
  memoryChart.show(
    history.series(({ memory }) => [memory.usedBytes]),
    from,
    to,
  )
  loadChart.show(
    history.series(({ load }) => load),
    from,
    to,
  )
  const rates = ({ network }: Sample) => [network?.receivedBytesPerSecond ?? null, network?.sentBytesPerSecond ?? null]
  networkChart.show(history.series(rates), from, to)
  showFigures(latest)
}

function showFigures({ host, cpu, memory, load, network }: Sample): void {
  byId('host').textContent = host
  byId('cpu').textContent = percent(cpu.total)
  byId('memory').textContent = `${bytes(memory.usedBytes)} of ${bytes(memory.totalBytes)}`
  byId('load').textContent = load.map((value) => value.toFixed(2)).join(' · ')
  byId('network-card').hidden = network === undefined
  if (network === undefined) return
  const { receivedBytesPerSecond, sentBytesPerSecond } = network
  byId('network').textContent =
    `${bytesPerSecond(receivedBytesPerSecond)} in · ${bytesPerSecond(sentBytesPerSecond)} out`
}

const client = await connectGateway<SampleEvents>()
await followSamples(client, new ConnectionPanel(client), spanMs, draw)
