/** The page of the test in Chromium: what it shows is decided by `window.show`. */
import { Component, createElement, type ReactNode, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { connect } from '../../src/index.js'
import { createHooks, RoomwayProvider } from '../../src/react/index.js'

interface Shown {
  readonly rooms: readonly string[]
  readonly maxEvents?: number
  readonly last?: number
}

type Events = { readonly message: { readonly n: number } }

const { useRoom } = createHooks<Events>()
const h = createElement
const client = connect(new URLSearchParams(location.search).get('gateway') ?? '', { random: () => 0 })

function RoomPanel({ room, maxEvents = 100, last = 20 }: { room: string; maxEvents?: number; last?: number }) {
  const [answer, setAnswer] = useState('')
  const { status, events, state, error, publish, request } = useRoom(room, {
    from: { last },
    maxEvents,
    initial: () => ({ count: 0, sum: 0 }),
    reduce: ({ count, sum }, { data }) => {
      if (data.n < 0) throw new Error('negative')
      return { count: count + 1, sum: sum + data.n }
    },
  })
  const ask = () => request('message', { n: 100 }).then((reply) => setAnswer(`answered ${JSON.stringify(reply)}`))
  const shown = events.map(({ data, isOwn }) => `${data.n}${isOwn ? ' own' : ''}`)
  return h(
    'section',
    { 'data-room': room, 'data-status': status },
    h('code', { className: 'events' }, shown.join(',')),
    h('code', { className: 'state' }, `${state.count} events, sum ${state.sum}`),
    h('code', { className: 'error' }, error?.code ?? ''),
    h('code', { className: 'answer' }, answer),
    h('button', { className: 'publish', onClick: () => void publish('message', { n: 1 }) }, 'publish'),
    h('button', { className: 'request', onClick: () => void ask() }, 'request'),
  )
}

class Boundary extends Component<{ readonly children?: ReactNode }> {
  override state: { error?: Error } = {}
  static getDerivedStateFromError = (error: Error) => ({ error })
  override render(): ReactNode {
    const { error } = this.state
    return error === undefined ? this.props.children : h('p', { id: 'fault' }, error.message)
  }
}

const root = createRoot(document.body)

function show({ rooms, ...options }: Shown): void {
  // By place, not by name: another name at the same place is another room of the same component.
  const panels = rooms.map((room, place) => h(RoomPanel, { key: place, room, ...options }))
  root.render(h(StrictMode, null, h(Boundary, null, h(RoomwayProvider, { client }, panels))))
}

Object.assign(window, { show, roomway: client })
