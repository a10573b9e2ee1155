import { createHash, timingSafeEqual } from 'node:crypto'

/** Compares what was given with a secret, in a time that tells nothing about the secret. */
export function secretsEqual(given: string, secret: string): boolean {
  return timingSafeEqual(digest(given), digest(secret))
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
