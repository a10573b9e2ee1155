/** In µs of the system's monotonic clock: the same in all processes of the machine, and in V8's profiles. */
export const monotonicUs = (): number => Number(process.hrtime.bigint() / 1_000n)
