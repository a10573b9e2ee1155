import type { Logger } from '@roomway/broker'
import { z } from 'zod'
import { Problem } from './problem.js'

type Issue = z.core.$ZodIssue

const maxErrors = 20
/** What a fault quotes of the request may be as long as the request. */
const maxDetailChars = 300

/** What an error of any kind is for whoever asked. What is none of theirs is logged. */
export function problemOf(error: unknown, logger: Logger): Problem {
  if (error instanceof Problem) return logged(error, logger)
  if (error instanceof z.ZodError && isInvalidRequest(error)) return invalid(error.validationContext, error.issues)
  const { code, statusCode = 500, message } = error as { code?: string; statusCode?: number; message?: string }
  if (statusCode === 413) return new Problem('too_large', 'the body is larger than this endpoint takes')
  if (statusCode === 415) return new Problem('unsupported', 'a body is sent as application/json', { status: 415 })
  if (statusCode === 503) return new Problem('unavailable', 'this instance is closing')
  if (statusCode >= 400 && statusCode < 500) return new Problem('bad_request', message ?? 'not valid')
  logger.error({ err: error, code }, 'a request failed')
  return new Problem('internal', 'the server made a mistake, which it has logged', { cause: error })
}

/** Of a request, and not of an answer that its schema does not fit. */
const isInvalidRequest = (error: object): error is { readonly validationContext: string } =>
  'validationContext' in error

/** What lies behind an answer that is no fault of whoever asked is for the log only. */
function logged(problem: Problem, logger: Logger): Problem {
  if (problem.status >= 500 && problem.cause !== undefined)
    logger.warn({ err: problem.cause, code: problem.code }, 'a request was answered with a problem')
  return problem
}

/** All faults; the first of them decides about the code. */
function invalid(context: string, issues: readonly Issue[]): Problem {
  const faults = issues.flatMap((issue) => leaves(issue, []))
  const errors = faults
    .slice(0, maxErrors)
    .map(({ path, message }) => ({ pointer: pointerOf(context, path), detail: message.slice(0, maxDetailChars) }))
  const [first] = faults
  const code = first?.path.at(-1) === 'room' && first.isForm ? 'bad_room' : 'bad_request'
  const detail = errors.length === 0 ? `the ${context} is not valid` : `${errors[0]!.pointer}: ${errors[0]!.detail}`
  return new Problem(code, detail, { errors })
}

interface Fault {
  readonly path: readonly PropertyKey[]
  readonly message: string
  /** What is there has the right type, but not the right form. */
  readonly isForm: boolean
}

/** A union says nothing of its own: the branch that came closest does. */
function leaves(issue: Issue, above: readonly PropertyKey[]): readonly Fault[] {
  const path = [...above, ...issue.path]
  if (issue.code !== 'invalid_union' || issue.errors.length === 0)
    return [{ path, message: issue.message, isForm: issue.code !== 'invalid_type' }]
  const branches = issue.errors.map((branch) => branch.flatMap((inner) => leaves(inner, path)))
  return branches.reduce((best, branch) => (closeness(branch) > closeness(best) ? branch : best))
}

/** A branch whose faults lie deeper knows more of what was meant; then the one with fewer of them. */
const closeness = (faults: readonly Fault[]): number =>
  Math.max(...faults.map(({ path }) => path.length)) - faults.length / 1_000

const pointerOf = (context: string, path: readonly PropertyKey[]): string =>
  [context, ...path.map((step) => String(step).replaceAll('~', '~0').replaceAll('/', '~1'))].join('/')
