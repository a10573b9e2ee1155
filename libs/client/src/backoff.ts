const firstCeilingMs = 500
const lastCeilingMs = 30_000

/**
 * How long to wait before reconnect attempt `attempt` (from 0): full jitter, uniform in [0, min(30 s, 0.5 s · 2^attempt)]. So that thousands
 * of clients of one lost node spread out. `random` gives a number in [0, 1).
 */
export function reconnectDelayMs(attempt: number, random: () => number): number {
  return random() * Math.min(lastCeilingMs, firstCeilingMs * 2 ** attempt)
}
