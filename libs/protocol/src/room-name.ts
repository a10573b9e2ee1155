const encoder = new TextEncoder()
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/

/** 1–255 bytes of UTF-8 without control characters or lone surrogates. Names that start with `$` are the system's own. */
export function isRoomName(name: string): boolean {
  if (name.length === 0 || name.length > 255 || controlCharacters.test(name) || !name.isWellFormed()) return false
  return encoder.encode(name).length <= 255
}

/** A room that users may join and publish to. */
export function isUserRoom(name: string): boolean {
  return isRoomName(name) && !name.startsWith('$')
}

/** An event name follows the rules of a room name. */
export const isEventName: (name: string) => boolean = isRoomName
