/** A time in ms since 1970, for people. Publishers write what they like there, so it may be none. */
export function shownTime(timeMs: number): string {
  const date = new Date(timeMs)
  return Number.isNaN(date.getTime()) ? `(${timeMs} ms)` : date.toISOString()
}

/** What others wrote, as it can be printed: control characters do things to a terminal, so but for tabs and ends of lines they are written `\u001b`. */
export function printable(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t\n]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
