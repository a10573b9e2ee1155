import type { Room, RoomEvent } from '@roomway/client'
import { ConnectionPanel } from './connection-panel.js'
import { appendItem, byId, element } from './element.js'
import { clockTime } from './figures.js'
import { connectGateway } from './gateway.js'

type ChatEvents = { message: { readonly text: string; readonly name?: string } }

const maxMessages = 500
const messages = byId('messages')
const roomInput = byId<HTMLInputElement>('room')
const nameInput = byId<HTMLInputElement>('name')
const textInput = byId<HTMLInputElement>('text')

/** The room of the chat called `name`, as the log knows it. */
const roomOf = (name: string) => `chat:${name}`

const client = await connectGateway<ChatEvents>()
const panel = new ConnectionPanel(client)
/** What this page sent and has not seen in the room yet, by the event's id. */
const pending = new Map<string, HTMLElement>()
let current: Room<ChatEvents> | undefined

async function enter(name: string): Promise<void> {
  current?.leave()
  messages.replaceChildren()
  pending.clear()
  byId('room-name').textContent = roomOf(name)
  history.replaceState(null, '', `?room=${encodeURIComponent(name)}`)
  const room = await client.join(roomOf(name), { from: { last: 50 } })
  current = room
  panel.watch(room)
  room.on('event', (event) => {
    if (event.event === 'message') show(event)
    panel.refresh()
  })
}

function show({ id, time, data, user }: RoomEvent<ChatEvents>): void {
  pending.get(id)?.remove()
  pending.delete(id)
  const item = line(clockTime(time), user ?? data?.name ?? 'someone', data?.text)
  item.dataset.id = id
  appendItem(messages, item, maxMessages)
}

/** Others may publish anything here: what is no text is shown as it is written. */
function line(time: string, name: unknown, text: unknown): HTMLLIElement {
  const item = element('li')
  const written = typeof text === 'string' ? text : JSON.stringify(text ?? null)
  item.append(element('time', time), element('b', String(name)), written)
  return item
}

/** Shown at once, greyed until it comes back through the log; a repeat after a break is the same message. */
async function send(text: string): Promise<void> {
  if (current === undefined) return
  const item = line('…', nameInput.value, text)
  item.dataset.pending = ''
  appendItem(messages, item, maxMessages)
  try {
    const { id } = await current.publish('message', { text, name: nameInput.value })
    if (messages.querySelector(`[data-id="${CSS.escape(id)}"]`) === null) pending.set(id, item)
    else item.remove()
  } catch (error) {
    item.remove()
    byId('notice').textContent = `Not sent: ${(error as Error).message}`
  }
}

byId('identity').addEventListener('submit', (submitted) => {
  submitted.preventDefault()
  localStorage.setItem('name', nameInput.value)
  if (current?.name !== roomOf(roomInput.value)) void enter(roomInput.value)
  textInput.focus()
})

byId('compose').addEventListener('submit', (submitted) => {
  submitted.preventDefault()
  byId('notice').textContent = ''
  void send(textInput.value)
  textInput.value = ''
})

roomInput.value = new URLSearchParams(location.search).get('room') ?? 'lobby'
nameInput.value = localStorage.getItem('name') ?? `guest-${Math.floor(Math.random() * 900 + 100)}`
await enter(roomInput.value)
