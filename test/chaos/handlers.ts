/* The business logic of a run. It keeps no state and answers differently at each run, so that a mixture of two runs would show. */
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { type Application, type Decision, type HandlerRun, plainApplication } from '@roomway/handlers'
import type { Command } from '@roomway/records'
import type { Answer, Part, Request } from './workload.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()
const json = (value: unknown) => encoder.encode(JSON.stringify(value))

export const chaosApplication: Application = { ...plainApplication, decide }

async function decide(command: Command, run: HandlerRun): Promise<Decision> {
  const request = JSON.parse(decoder.decode(command.payload)) as Request
  const name = randomBytes(6).toString('hex')
  const { c, n } = request
  const reply = json({ c, n, run: name } satisfies Answer)
  switch (request.wish) {
    case 'reject':
      return rejection(name)
    case 'waver':
      return Math.random() < 0.5 ? rejection(name) : { type: 'accept', reply }
    case 'answer':
      return { type: 'answer', events: partsOf(request, name), reply }
    case 'slow':
      await delay(Math.random() * 40)
      return { type: 'accept', reply }
    case 'stumble':
      if (run.attempt === 1) throw new Error('the first run fails')
      return { type: 'accept', reply }
    case 'fail':
      throw new Error('every run fails')
    default:
      return { type: 'accept', reply }
  }
}

const rejection = (run: string): Decision => ({ type: 'reject', code: 'app.no', message: run })

function partsOf({ c, n, to = [] }: Request, run: string) {
  return to.map((room, part) => ({
    room,
    event: 'part',
    contentType: 'application/json',
    payload: json({ c, n, run, part, of: to.length } satisfies Part),
  }))
}
