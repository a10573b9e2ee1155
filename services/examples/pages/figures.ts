const units = ['B', 'kB', 'MB', 'GB', 'TB']

export const percent = (value: number): string => `${value.toFixed(value < 99.95 ? 1 : 0)} %`

/** Decimal units, three digits. */
export function bytes(value: number): string {
  let unit = 0
  let shown = value
  while (shown >= 999.5 && unit < units.length - 1) {
    shown /= 1000
    unit++
  }
  return `${unit === 0 ? Math.round(shown) : shown.toPrecision(3)} ${units[unit]}`
}

export const bytesPerSecond = (value: number): string => `${bytes(value)}/s`

export const clockTime = (ms: number): string => new Date(ms).toLocaleTimeString(undefined, { hour12: false })
