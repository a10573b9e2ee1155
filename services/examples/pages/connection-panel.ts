import type { Client, ClientState, Room } from '@roomway/client'
import { byId, element } from './element.js'
import { clockTime } from './figures.js'
import type { SequenceCheck } from './sequence-check.js'

const maxHistory = 8

/** Shows how the page is connected: the state, the node, the position in the log, what came, and what happened to the connection. */
export class ConnectionPanel {
  readonly #state = byId('state')
  readonly #facts = new Map<string, HTMLElement>()
  readonly #history = element('ol')
  #received = 0
  #receivedBefore = 0
  #wasOpen = false
  #lost: number | undefined
  #resets = 0
  #room: Room<never> | undefined
  #sequence: SequenceCheck | undefined

  constructor(client: Pick<Client, 'state' | 'on'>) {
    const list = element('dl')
    list.className = 'facts'
    for (const name of ['Node', 'Session', 'Room', 'Position', 'Events', 'Gaps', 'Resumed']) this.#addFact(list, name)
    this.#history.className = 'history'
    byId('panel').append(list, this.#history)
    client.on('state', (state) => this.#onState(state))
    client.on('error', (error) => this.#note(`${error.code}: ${error.message}`))
    this.#onState(client.state)
  }

  /** Follows this room from now on. `sequence`: proof from the data that nothing is missing, where the data are numbered. */
  watch<Events extends object>(room: Room<Events>, sequence?: SequenceCheck): void {
    this.#room = room as unknown as Room<never>
    this.#sequence = sequence
    this.#received = 0
    this.#resets = 0
    this.#set('Room', room.name)
    room.on('event', () => this.#received++)
    room.on('reset', ({ reason }) => {
      this.#resets++
      this.#note(`reset (${reason}): events before this may be missing`)
    })
    room.on('lagged', () => this.#note('too slow for live delivery: caught up from the log, nothing missing'))
    room.on('left', ({ reason }) => this.#note(`the server took the room away: ${reason}`))
    this.refresh()
  }

  /** Shows the present figures; call it after events, at most a few times a second. */
  refresh(): void {
    const position = this.#room?.position
    this.#set('Position', position === undefined ? '–' : `${position.epoch}:${position.offset}`)
    this.#set('Events', this.#received.toLocaleString())
    const gaps = this.#resets + (this.#sequence?.missing ?? 0)
    this.#set('Gaps', gaps.toLocaleString()).dataset.good = String(gaps === 0)
  }

  #onState(state: ClientState): void {
    this.#state.dataset.state = state.status
    this.#state.textContent = state.status
    if (state.status === 'open') this.#onOpen(state)
    else if (state.status === 'waiting') this.#onWaiting(state)
    else if (state.status === 'closed') this.#note(`closed for good: ${state.error?.message ?? state.code}`)
  }

  #onOpen({ node, session }: Extract<ClientState, { status: 'open' }>): void {
    this.#set('Node', node)
    this.#set('Session', session)
    if (!this.#wasOpen) this.#note(`connected to ${node}`)
    else this.#onResumed(node)
    this.#wasOpen = true
    this.#lost = undefined
  }

  #onResumed(node: string): void {
    const away = this.#lost === undefined ? '' : ` after ${((performance.now() - this.#lost) / 1000).toFixed(1)} s`
    const replayed = this.#received - this.#receivedBefore
    this.#note(`resumed on ${node}${away}: ${replayed} events replayed`)
    this.#set('Resumed', `${Number(this.#facts.get('Resumed')!.textContent) + 1}`)
  }

  #onWaiting({ code }: Extract<ClientState, { status: 'waiting' }>): void {
    if (this.#lost !== undefined) return
    this.#lost = performance.now()
    this.#receivedBefore = this.#received
    this.#note(this.#wasOpen ? `connection lost (${code}): reconnecting` : 'no gateway yet: trying again')
  }

  #note(text: string): void {
    const item = element('li')
    const time = element('time', clockTime(Date.now()))
    item.append(time, text)
    this.#history.prepend(item)
    while (this.#history.children.length > maxHistory) this.#history.lastElementChild?.remove()
  }

  #addFact(list: HTMLElement, name: string): void {
    const value = element('dd', name === 'Resumed' ? '0' : '–')
    value.id = `fact-${name.toLowerCase()}`
    this.#facts.set(name, value)
    list.append(element('dt', name), value)
  }

  #set(name: string, text: string): HTMLElement {
    const fact = this.#facts.get(name)!
    if (fact.textContent !== text) fact.textContent = text
    return fact
  }
}
