import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@roomway/testing'
import { dueIn, oracleOf } from './checker/oracle.js'
import type { OfflineOrder } from './clients.js'
import type { NodeSlot } from './node-slot.js'
import type { Scene } from './scene.js'
import type { Fault } from './schedule.js'

const decidedMs = 180_000

/** Does one fault, and resolves when it is over: what was killed listens again, what was frozen goes on. Faults of one target must not overlap. */
export async function commit(fault: Fault, scene: Scene): Promise<void> {
  switch (fault.target) {
    case 'broker':
      return onBroker(fault, scene)
    case 'gateway':
      return onNode(fault, scene.gateways[fault.index]!, scene)
    case 'app':
      return onNode(fault, scene.apps[fault.index]!, scene)
    case 'clients':
      return onClients(fault, scene)
  }
}

async function onNode({ kind, forMs, until }: Fault, slot: NodeSlot, scene: Scene): Promise<void> {
  const action = kind.slice(0, kind.indexOf('-'))
  if (action === 'cut') {
    slot.cut()
    await delay(forMs)
    return slot.mend()
  }
  if (action === 'pause' || action === 'stall') {
    slot.signal(action === 'pause' ? 'SIGSTOP' : 'SIGUSR2')
    await (until === undefined ? delay(forMs) : whenDecided(slot, scene))
    return slot.goOn()
  }
  await (action === 'kill' ? slot.kill() : slot.stop())
  await delay(forMs)
  await slot.start()
}

async function whenDecided(stalled: NodeSlot, { broker }: Scene): Promise<void> {
  await stalled.whenStopped()
  const isDecided = async () => {
    const { commands, parts } = dueIn(oracleOf(await broker.readLogs()))
    return commands === 0 && parts === 0
  }
  await eventually(isDecided, decidedMs, `all commands to be decided without ${stalled.name}`)
}

async function onBroker({ kind, forMs }: Fault, { broker }: Scene): Promise<void> {
  const { server, forwarder } = broker
  if (kind === 'cut-broker') {
    forwarder.cut()
    await delay(forMs)
    return forwarder.mend()
  }
  if (kind === 'pause-broker') {
    server.pause()
    await delay(forMs)
    return server.resume()
  }
  await (kind === 'kill-broker' ? server.kill() : server.stop())
  await delay(forMs)
  await server.start()
}

/** Every tenth client of a process. */
async function onClients({ index, forMs }: Fault, { clients }: Scene): Promise<void> {
  const away = clients[index]!
  const order: OfflineOrder = { clients: away.members.filter((_, at) => at % 10 === 0), forMs }
  await away.ask('/offline', order)
  await delay(forMs)
}
