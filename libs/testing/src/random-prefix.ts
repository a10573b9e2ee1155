import { randomBytes } from 'node:crypto'

/** A prefix for topic names that no other test and no earlier run uses: `t-` and 10 hexadecimal digits. */
export function randomPrefix(): string {
  return `t-${randomBytes(5).toString('hex')}`
}
