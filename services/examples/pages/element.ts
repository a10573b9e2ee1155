/** The element with this id. @throws where the page has none. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no element #${id}`)
  return found as T
}

/** A new element with text in it; text is never read as HTML. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, text = ''): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  made.textContent = text
  return made
}

/** Adds an item at the end of a list that holds at most `max`, and follows it where the reader was at the end. */
export function appendItem(list: HTMLElement, item: HTMLElement, max: number): void {
  const wasAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40
  list.append(item)
  while (list.children.length > max) list.firstElementChild?.remove()
  if (wasAtEnd) list.scrollTop = list.scrollHeight
}
