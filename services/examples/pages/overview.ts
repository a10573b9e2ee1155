import type { RoomEvent } from '@roomway/client'
import type { Sample } from '../src/host-metrics/sample.js'
import { Chart } from './chart.js'
import { ConnectionPanel } from './connection-panel.js'
import { appendItem, byId, element } from './element.js'
import { bytes, bytesPerSecond, clockTime, percent } from './figures.js'
import { connectGateway } from './gateway.js'
import { followSamples } from './sample-feed.js'
import type { SampleHistory } from './sample-history.js'

const spanMs = 60_000
const maxFeed = 50

const cpuChart = new Chart(byId('cpu-chart'), {
  lines: [{ label: 'total', color: '--series-1', filled: true, width: 2 }],
  format: percent,
  atLeast: 100,
  bare: true,
})

function draw(history: SampleHistory, { cpu, memory, load, network }: Sample): void {
  cpuChart.show(
    history.series((sample) => [sample.cpu.total]),
    ...history.range,
  )
  byId('cpu').textContent = percent(cpu.total)
  byId('memory').textContent = bytes(memory.usedBytes)
  byId('load').textContent = load[0].toFixed(2)
  for (const tile of document.querySelectorAll<HTMLElement>('.network')) tile.hidden = network === undefined
  if (network === undefined) return
  byId('received').textContent = bytesPerSecond(network.receivedBytesPerSecond)
  byId('sent').textContent = bytesPerSecond(network.sentBytesPerSecond)
}

function showEvent({ time, event, data }: Pick<RoomEvent, 'time' | 'event' | 'data'>): void {
  const item = element('li')
  item.append(element('time', clockTime(time)), element('b', event), ' ', element('code', JSON.stringify(data)))
  appendItem(byId('feed'), item, maxFeed)
}

byId('copy').addEventListener('click', async () => {
  const button = byId('copy')
  await navigator.clipboard.writeText(byId('command').textContent ?? '')
  button.textContent = 'Copied'
  setTimeout(() => {
    button.textContent = 'Copy'
  }, 1500)
})

const client = await connectGateway<{ sample: Sample }>()
await followSamples(client, new ConnectionPanel(client), spanMs, draw)
const lobby = await client.join('chat:lobby', { from: { last: 5 } })
lobby.on('event', showEvent)
