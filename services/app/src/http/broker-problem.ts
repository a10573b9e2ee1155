import { PositionError } from '@roomway/broker'
import { Problem } from './problem.js'

/** What a fault of the broker is for whoever asked. @throws Problem, always */
export function brokerProblem(error: unknown): never {
  if (error instanceof Problem) throw error
  if (error instanceof PositionError)
    throw new Problem('bad_position', error.message, { reason: error.reason, cause: error })
  throw new Problem('unavailable', 'the broker does not answer', { cause: error })
}
