import { createContext, createElement, type ReactNode, useContext } from 'react'
import type { Client } from '../client.js'
import type { AnyEvents } from '../events.js'

const ClientContext = createContext<Client | undefined>(undefined)

export interface RoomwayProviderProps {
  /** A client, typed or not: made once, outside of components, by `connect`. Closing it is the application's. */
  readonly client: Pick<Client, 'state' | 'on' | 'close'>
  readonly children?: ReactNode
}

/** Gives a client to the components below. */
export function RoomwayProvider({ client, children }: RoomwayProviderProps): ReactNode {
  return createElement(ClientContext.Provider, { value: client as Client }, children)
}

/** The client of the nearest RoomwayProvider. @throws where there is none. */
export function useClient<Kind extends object = AnyEvents>(): Client<Kind> {
  const client = useContext(ClientContext)
  if (client === undefined) throw new Error('this component stands below no RoomwayProvider')
  return client as unknown as Client<Kind>
}
