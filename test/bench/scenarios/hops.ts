/* One event's way: from a client to the broker and to another client. */
import { type HopPlan, type HopResult, runHop } from '../hop-run.js'
import { figure, type MakeScenario, scaled } from './scenario.js'

export function hop(way: HopPlan['way']): MakeScenario {
  return (name, options) => {
    const plan: HopPlan = { way, publishes: scaled(2_000, options), perSecond: 200 }
    const through = way === 'app' ? 'through the application tier' : 'to a direct room'
    const eventGoal = way === 'app' ? { times: 2, plus: 2 } : { times: 1, plus: 1 }
    const title = `publish ${through}; “raw” is one send and one read by kafkajs`
    return {
      name,
      title,
      figures: [
        figure<HopResult>('ack', 'publish until ack, p50', 'ms', { times: 1, plus: 1 }, (run) => run.ackP50Ms),
        figure<HopResult>('event', 'publish until another’s event, p50', 'ms', eventGoal, (run) => run.eventP50Ms),
      ],
      connections: 2,
      run: (bench, kind) => runHop(bench, kind, plan),
    }
  }
}
