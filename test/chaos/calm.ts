import { setTimeout as delay } from 'node:timers/promises'
import { dueIn, oracleOf } from './checker/oracle.js'
import type { Progress } from './clients.js'
import { type Scene, whenReady } from './scene.js'

type Say = (line: string) => void

const betweenMs = 2_000
const maxDescribed = 20

/** Lets everything go on, and waits until nothing is to come any more, or the time is over: what is missing then is the checker's to find. */
export async function calm(scene: Scene, calmMs: number, say: Say): Promise<void> {
  const untilMs = Date.now() + calmMs
  const nodes = [...scene.gateways, ...scene.apps]
  await Promise.all(nodes.map((node) => node.goOn()))
  await Promise.all(nodes.map(whenReady))
  if (!(await repeated(() => areAnswered(scene, say), untilMs))) await describe(scene, say)
  await repeated(() => isAllThere(scene, say), untilMs)
}

/** Whether `attempt` came to hold in time. */
async function repeated(attempt: () => Promise<boolean>, untilMs: number): Promise<boolean> {
  while (!(await attempt())) {
    if (Date.now() > untilMs) return false
    await delay(betweenMs)
  }
  return true
}

/** Whether every publish has an answer. */
async function areAnswered(scene: Scene, say: Say): Promise<boolean> {
  const all = await Promise.all(scene.clients.map((process) => process.ask<Progress>('/progress')))
  const settled = all.reduce((sum, progress) => sum + progress.settled, 0)
  const open = all.reduce((sum, progress) => sum + progress.open, 0)
  say(`${settled} publishes have an answer, ${open} have none`)
  return open === 0
}

/** Whether the log says that nothing is missing, and the clients have all that it holds for them. */
async function isAllThere(scene: Scene, say: Say): Promise<boolean> {
  const { commands, parts, answers, clients } = dueIn(oracleOf(await scene.broker.readLogs()))
  const waiting = await Promise.all(scene.clients.map((process) => process.ask<number[]>('/settle', clients)))
  const behind = waiting.flat().length
  const logged = `${commands} outcomes, ${parts} events of answers, ${answers} replies and rejections`
  say(`to come: ${logged}; clients behind: ${behind}`)
  return commands === 0 && parts === 0 && answers <= 0 && behind === 0
}

/** What is known of those that wait in vain. */
async function describe(scene: Scene, say: Say): Promise<void> {
  const waiting = await Promise.all(scene.clients.map((process) => process.ask<string[]>('/describe')))
  for (const line of waiting.flat().slice(0, maxDescribed)) say(line)
  for (const node of [...scene.gateways, ...scene.apps]) say(`${node.name}:\n${node.output()}`)
}
