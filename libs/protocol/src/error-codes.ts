/** Every error code of the protocol, HTTP included: whether a repeat may succeed, and what it means. docs/protocol.md holds the same table; a test keeps the two equal. */
export const errorCodes = {
  bad_frame: { temporary: false, meaning: 'the frame is not valid: unknown type, missing or wrong member' },
  bad_room: {
    temporary: false,
    meaning: 'the room name is not 1–255 bytes of UTF-8 without control characters, or starts with $',
  },
  bad_payload: { temporary: false, meaning: 'the data is not valid in its content type' },
  unauthorized: { temporary: false, meaning: 'no token, or one that is not valid' },
  token_expired: { temporary: false, meaning: 'the token has expired: fetch another' },
  origin: { temporary: false, meaning: "the page's Origin is not on the allow-list" },
  forbidden: { temporary: false, meaning: 'the token does not allow this in this room' },
  not_joined: { temporary: false, meaning: 'the room is not joined on this connection' },
  unsupported: { temporary: false, meaning: 'this server does not offer what was asked' },
  too_many_rooms: { temporary: false, meaning: 'the connection has joined as many rooms as it may' },
  too_large: {
    temporary: false,
    meaning: 'the data is larger than limits.maxPayloadBytes, or the snapshot than the server gives',
  },
  rate_limited: { temporary: true, meaning: 'too many publishes, or joins: wait retryAfterMs' },
  overloaded: { temporary: true, meaning: 'the node cannot take this now: wait retryAfterMs' },
  unavailable: {
    temporary: true,
    meaning: 'the broker or the application cannot be reached; the outcome of what was acked is not affected',
  },
  bad_request: { temporary: false, meaning: 'a parameter, a header or a member of the body is missing or wrong' },
  bad_position: { temporary: false, meaning: 'the log cannot be read from this position; reason says why' },
  key_reused: { temporary: false, meaning: 'the Idempotency-Key came with another body before' },
  not_found: { temporary: false, meaning: 'there is no such thing here' },
  internal: { temporary: false, meaning: 'the server made a mistake, which it has logged' },
} as const satisfies Record<string, { temporary: boolean; meaning: string }>

export type ErrorCode = keyof typeof errorCodes
