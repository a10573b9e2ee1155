import { describe, expect, test } from '@jest/globals'
import { compilePatterns } from '@roomway/auth'
import fc from 'fast-check'
import { z } from 'zod'
import { acceptUnchanged, DefinitionError, defineApp, isApplication, plainApplication } from '../src/index.js'
import { command, json, readable, recordingLogger, run } from './fixtures.js'

const message = z.object({ text: z.string().min(1) })

describe('a room', () => {
  test('is that of the first pattern that matches, with the segments it names', async () => {
    const which = (name: string) => ({ publish: (ctx: { params: object }) => ({ name, ...ctx.params }) })
    const app = defineApp({
      'chat:lobby': which('lobby'),
      'chat:{id}': which('chat'),
      'game:{id}:{part}': which('game'),
      'log:{id}:**': which('log'),
      '*:x': which('x'),
    })
    const replyOf = async (room: string) => readable(await app.decide(command(room, 'e', 1), run()))
    expect(await replyOf('chat:lobby')).toMatchObject({ reply: { name: 'lobby' } })
    expect(await replyOf('chat:1')).toMatchObject({ reply: { name: 'chat', id: '1' } })
    expect(await replyOf('game:1:a.b')).toMatchObject({ reply: { name: 'game', id: '1', part: 'a.b' } })
    expect(await replyOf('log:1:a:b')).toMatchObject({ reply: { name: 'log', id: '1' } })
    expect(await replyOf('any:x')).toMatchObject({ reply: { name: 'x' } })
    for (const room of ['chat:1:2', 'chat:', 'log:1', 'game:1', 'xchat:1'])
      expect(await replyOf(room)).toEqual({ type: 'accept' })
  })

  test('without a pattern, and one that is direct, takes everything as it is', async () => {
    const app = defineApp({ 'cursor:*': 'direct' })
    for (const room of ['cursor:1', 'else']) {
      expect(await app.decide(command(room, 'e', 1), run())).toEqual({ type: 'accept' })
      expect(await app.authorizeJoin({ room, user: undefined }, run())).toEqual({ type: 'allow' })
    }
  })

  test('tells gateways what they must know', () => {
    const app = defineApp({
      'chat:{id}': { authorize: () => true },
      'cursor:*': 'direct',
      'state:{a}:**': { snapshot: () => undefined },
    })
    expect(app.rules).toEqual([
      { pattern: 'chat:*', kind: 'handled', asksJoin: true, hasSnapshot: false },
      { pattern: 'cursor:*', kind: 'direct', asksJoin: false, hasSnapshot: false },
      { pattern: 'state:*:**', kind: 'handled', asksJoin: false, hasSnapshot: true },
    ])
  })

  test('has the deadline of its pattern', () => {
    const app = defineApp({ 'slow:*': { deadlineMs: 20_000 }, 'b:*': {} })
    expect([app.deadlineMs?.('slow:1'), app.deadlineMs?.('b:1'), app.deadlineMs?.('c')]).toEqual([
      20_000,
      undefined,
      undefined,
    ])
  })

  test('matches here what its rule matches in a gateway', () => {
    const segment = fc.constantFrom('a', 'b.', '+', '{x}', '{y}', '*')
    const patterns = fc
      .tuple(fc.uniqueArray(segment, { minLength: 1, maxLength: 3 }), fc.boolean())
      .map(([segments, hasRest]) => [...segments, ...(hasRest ? ['**'] : [])].join(':'))
    const rooms = fc
      .array(fc.constantFrom('a', 'b.', 'bx', '+', '', '\u2028', '$'), { minLength: 1, maxLength: 5 })
      .map((segments) => segments.join(':'))
    fc.assert(
      fc.property(patterns, fc.array(rooms, { minLength: 1, maxLength: 20 }), (pattern, names) => {
        const app = defineApp({ [pattern]: { deadlineMs: 7 } })
        const matches = compilePatterns([app.rules[0]!.pattern], 'ann')
        for (const room of names) expect([room, app.deadlineMs?.(room) === 7]).toEqual([room, matches(room)])
      }),
    )
  })
})

describe('a definition that cannot be meant', () => {
  const faultsOf = (rooms: object): readonly string[] => {
    try {
      defineApp(rooms as Record<string, object>)
    } catch (error) {
      return (error as DefinitionError).faults
    }
    return []
  }

  test('is refused when it is made, with all that is wrong at once', () => {
    const faults = faultsOf({
      'a:*b': {},
      'chat:{id}': { onPublish: () => true, publish: 'yes', events: { message: 42, $own: z.string() } },
      'chat:{room}': {},
      b: 'indirect',
      'c:{x}:{x}': { deadlineMs: 0 },
    })
    expect(faults).toEqual([
      expect.stringMatching(/"a:\*b" has the segment "\*b"/),
      expect.stringMatching(/"chat:\{id\}": unknown member "onPublish" \(known: events, authorize/),
      '"chat:{id}": publish is no function',
      expect.stringMatching(/schema of "message" does not follow Standard Schema/),
      expect.stringMatching(/"\$own" is no name for an event/),
      expect.stringMatching(/"b": is neither a definition nor 'direct'/),
      expect.stringMatching(/names the parameter \{x\} twice/),
      expect.stringMatching(/deadlineMs is no whole number/),
      expect.stringMatching(/"chat:\{id\}" and "chat:\{room\}" are of the same rooms/),
    ])
    expect(() => defineApp({ '': {}, 'a:**:b': {} })).toThrow(DefinitionError)
    expect(() => defineApp({ '': {}, 'a:**:b': {} })).toThrow(/is empty[\s\S]*the segment "\*\*"/)
  })

  test.each([
    [['chat:{id}', 'chat:lobby'], true],
    [['chat:**', 'chat:{id}'], true],
    [['**', 'a'], true],
    [['a:*:**', 'a:b:c:d'], true],
    [['chat:lobby', 'chat:{id}'], false],
    [['chat:{id}', 'chat:**'], false],
    [['a:**', 'a'], false],
    [['a:*:c', 'a:b:*'], false],
  ])('where a pattern is never reached, as in %j: %s', (patterns, isUnreachable) => {
    const faults = faultsOf(Object.fromEntries(patterns.map((pattern) => [pattern, {}])))
    expect(faults.some((fault) => fault.includes('never reached'))).toBe(isUnreachable)
  })
})

describe('a publish', () => {
  test('of an event that the room does not have is rejected, as are data that do not fit', async () => {
    const app = defineApp({ a: { events: { message } } })
    const decide = (event: string, data: unknown) => app.decide(command('a', event, data), run())
    expect(await decide('message', { text: 'hi' })).toEqual({ type: 'accept' })
    expect(await decide('toString', 1)).toMatchObject({ type: 'reject', code: 'app.unknown_event' })
    expect(await decide('message', { text: 1 })).toEqual({
      type: 'reject',
      code: 'app.invalid_event',
      message: expect.stringMatching(/^text: /),
    })
    const broken = command('a', 'message', 1, { payload: Uint8Array.of(0x7b) })
    expect(await app.decide(broken, run())).toMatchObject({ code: 'app.invalid_event' })
  })

  test('reaches the handler as its schema parsed it, and the log, without a handler, as it was sent', async () => {
    const seen: unknown[] = []
    const events = { set: z.object({ at: z.coerce.number(), by: z.string().default('nobody') }) }
    const app = defineApp({
      a: { events, publish: (_ctx, { data }) => void seen.push(data) },
      b: { events },
    })
    await app.decide(command('a', 'set', { at: '7' }), run())
    expect(seen).toEqual([{ at: 7, by: 'nobody' }])
    expect(await app.decide(command('b', 'set', { at: '7' }), run())).toEqual({ type: 'accept' })
  })

  test('may be checked by any library that follows Standard Schema, at leisure', async () => {
    const even = {
      '~standard': {
        version: 1 as const,
        vendor: 'own',
        validate: async (value: unknown) =>
          typeof value === 'number' && value % 2 === 0
            ? { value: value / 2 }
            : { issues: [{ message: 'is odd', path: ['deep', { key: 3 }] }] },
      },
    }
    const app = defineApp({ a: { events: { half: even }, publish: (_ctx, { data }) => ({ data }) } })
    expect(readable(await app.decide(command('a', 'half', 8), run()))).toMatchObject({ reply: { data: 4 } })
    expect(await app.decide(command('a', 'half', 7), run())).toMatchObject({ message: 'deep.3: is odd' })
  })

  test('of other content than JSON reaches handler and schema as bytes', async () => {
    const app = defineApp({
      a: { events: { image: z.instanceof(Uint8Array) }, publish: (_ctx, { data }) => ({ length: data.length }) },
    })
    const image = command('a', 'image', 0, { contentType: 'image/png', payload: Uint8Array.of(1, 2, 3) })
    expect(readable(await app.decide(image, run()))).toMatchObject({ reply: { length: 3 } })
  })

  test('has the effects that its handler emits, in their order, and its return value as the answer', async () => {
    const app = defineApp({
      'chat:{id}': {
        publish: async (ctx, event) => {
          ctx.emit('first', { by: ctx.user, said: event.data })
          await Promise.resolve()
          ctx.to(`user:${ctx.params.id}`).emit('second', [1])
          ctx.emit('third', null)
          return { ok: true }
        },
      },
      silent: { publish: () => undefined },
    })
    expect(readable(await app.decide(command('chat:7', 'say', 'hi'), run()))).toEqual({
      type: 'answer',
      reply: { ok: true },
      events: [
        ['chat:7', 'first', { by: 'ann', said: 'hi' }],
        ['user:7', 'second', [1]],
        ['chat:7', 'third', null],
      ],
    })
    expect(await app.decide(command('silent', 'say', 1), run())).toEqual({ type: 'answer', events: [] })
  })

  test('is told who, which command, which attempt, until when and where to log', async () => {
    const controller = new AbortController()
    const logger = recordingLogger()
    let given: Record<string, unknown> = {}
    const app = defineApp({
      'a:{b}': {
        publish(ctx, event) {
          given = { ...ctx, ...event }
          ctx.logger.warn({ extra: 1 }, 'careful')
        },
      },
    })
    const parts = { traceparent: '00-1-2-01', user: undefined }
    await app.decide(command('a:x', 'e', 1, parts), run({ signal: controller.signal, attempt: 3, logger }))
    const { room, user, commandId, traceparent, attempt, deadlineMs, signal, event, data, time, contentType } = given
    expect({ room, user, commandId, traceparent, attempt, deadlineMs, event, data, time, contentType }).toEqual({
      room: 'a:x',
      user: undefined,
      commandId: 'c1:0:7',
      traceparent: '00-1-2-01',
      attempt: 3,
      deadlineMs: 5_000,
      event: 'e',
      data: 1,
      time: 1_000,
      contentType: 'application/json',
    })
    expect(signal).toBe(controller.signal)
    expect(logger.lines).toEqual([
      { level: 'warn', message: 'careful', fields: { room: 'a:x', commandId: 'c1:0:7', extra: 1 } },
    ])
  })

  test('that is rejected has no effect, whatever was emitted and whoever catches it', async () => {
    const app = defineApp({
      plain: {
        publish(ctx) {
          ctx.emit('never', 1)
          ctx.reject('full', 'no seat left')
        },
      },
      caught: {
        publish(ctx) {
          try {
            ctx.reject('full', 'no seat left')
          } catch {}
          try {
            ctx.emit('never', 1)
          } catch {}
          return { ok: true }
        },
      },
    })
    const rejected = { type: 'reject', code: 'app.full', message: 'no seat left' }
    for (const room of ['plain', 'caught']) expect(await app.decide(command(room, 'e', 1), run())).toEqual(rejected)
  })

  test('whose handler throws is the caller’s to repeat', async () => {
    const app = defineApp({
      a: {
        publish: () => {
          throw new Error('the database is away')
        },
      },
    })
    await expect(app.decide(command('a', 'e', 1), run())).rejects.toThrow('the database is away')
  })
})

describe('what a handler gives', () => {
  type Emit = (event: string, data: unknown, options?: { contentType?: string }) => void
  const emitting = (emit: (emit: Emit, to: (room: string) => { emit: Emit }) => unknown) => {
    const app = defineApp({ a: { publish: (ctx) => emit(ctx.emit, ctx.to) } })
    return app.decide(command('a', 'e', 1), run())
  }
  const circular: Record<string, unknown> = {}
  circular.self = circular
  const deep = JSON.parse(`${'['.repeat(64)}${']'.repeat(64)}`)

  test.each<[string, (emit: Emit, to: (room: string) => { emit: Emit }) => unknown, RegExp]>([
    ['an event name of the system’s', (emit) => emit('$reply', 1), /"\$reply" is no name for an event/],
    ['an empty event name', (emit) => emit('', 1), /"" is no name/],
    ['a room of the system’s', (_, to) => to('$session:1').emit('e', 1), /"\$session:1" is no name for a room/],
    ['data that are no JSON', (emit) => emit('e', undefined), /the data of the event "e" for "a" is no JSON/],
    ['a circle', (emit) => emit('e', circular), /is no JSON: .*circular/i],
    ['a BigInt', (emit) => emit('e', 1n), /is no JSON: .*BigInt/],
    ['data that nest too deep', (emit) => emit('e', deep), /nests deeper/],
    ['an object as an image', (emit) => emit('e', {}, { contentType: 'image/png' }), /must be a Uint8Array/],
    [
      'bytes that are not the JSON they should be',
      (emit) => emit('e', Uint8Array.of(0xff), { contentType: 'application/json' }),
      /no valid application\/json/,
    ],
    ['a content type that is none', (emit) => emit('e', 1, { contentType: 'a\nb' }), /no content type/],
    ['a function for an answer', () => () => 1, /what publish returned is no JSON but a value of type function/],
    ['bytes for an answer', () => Uint8Array.of(1), /what publish returned is no JSON but bytes/],
  ])('is an error where it is %s', async (_, emit, message) => {
    await expect(emitting(emit)).rejects.toThrow(message)
  })

  test('may be bytes, which are copied', async () => {
    const bytes = Uint8Array.of(1, 2)
    const decision = await emitting((emit) => {
      emit('raw', bytes)
      emit('image', bytes, { contentType: 'image/png' })
      emit('json', json({ a: 1 }), { contentType: 'application/json' })
      bytes.fill(9)
    })
    expect(decision).toMatchObject({
      events: [
        { event: 'raw', contentType: 'application/octet-stream', payload: Uint8Array.of(1, 2) },
        { event: 'image', contentType: 'image/png', payload: Uint8Array.of(1, 2) },
        { event: 'json', contentType: 'application/json', payload: json({ a: 1 }) },
      ],
    })
  })

  test('is rejected where an event is larger than the log takes', async () => {
    const decision = await emitting((emit) => emit('e', 'x'.repeat(1_000_001)))
    expect(decision).toMatchObject({ type: 'reject', code: 'app.too_large' })
  })

  test('counts only until it has returned', async () => {
    let late: Emit = () => undefined
    const decision = await emitting((emit) => {
      late = emit
      emit('in time', 1)
    })
    expect(() => late('late', 1)).toThrow(/cannot emit "late": the handler has returned/)
    expect(readable(decision)).toMatchObject({ events: [['a', 'in time', 1]] })
  })

  test('counts only until its run is given up', async () => {
    const controller = new AbortController()
    const app = defineApp({
      a: {
        publish(ctx) {
          controller.abort()
          ctx.emit('late', 1)
        },
      },
    })
    await expect(app.decide(command('a', 'e', 1), run({ signal: controller.signal }))).rejects.toThrow(
      /past its deadline/,
    )
  })

  test.each(['app.full', 'Full', '', 'a b'])('cannot be a rejection as %j', async (code) => {
    const app = defineApp({ a: { publish: (ctx) => ctx.reject(code, 'm') } })
    await expect(app.decide(command('a', 'e', 1), run())).rejects.toThrow(/is no code/)
  })
})

describe('authorize', () => {
  const app = defineApp({
    'chat:{id}': {
      events: { message },
      authorize: async (ctx) => {
        if (ctx.user === 'mallory') ctx.reject('banned', 'not you')
        if (ctx.action === 'join') return ctx.user !== undefined
        return ctx.event.data.text !== 'secret' && ctx.commandId === 'c1:0:7'
      },
    },
    forgetful: { authorize: (() => undefined) as unknown as () => boolean },
    broken: {
      authorize: () => {
        throw new Error('away')
      },
    },
  })
  const join = (room: string, user?: string) => app.authorizeJoin({ room, user }, run())
  const publish = (room: string, text: string, user = 'ann') =>
    app.decide(command(room, 'message', { text }, { user }), run())

  test('decides about joins', async () => {
    expect(await join('chat:1', 'ann')).toEqual({ type: 'allow' })
    expect(await join('chat:1')).toMatchObject({ type: 'refuse', code: 'forbidden' })
    expect(await join('chat:1', 'mallory')).toEqual({ type: 'refuse', code: 'app.banned', message: 'not you' })
  })

  test('decides about publishes, before the handler runs', async () => {
    expect(await publish('chat:1', 'hello')).toEqual({ type: 'accept' })
    expect(await publish('chat:1', 'secret')).toMatchObject({ type: 'reject', code: 'forbidden' })
    expect(await publish('chat:1', 'hello', 'mallory')).toMatchObject({ type: 'reject', code: 'app.banned' })
  })

  test('lets nobody through by saying nothing, or by failing', async () => {
    expect(await join('forgetful', 'ann')).toMatchObject({ type: 'refuse', code: 'forbidden' })
    expect(await publish('forgetful', 'x')).toMatchObject({ type: 'reject', code: 'forbidden' })
    await expect(join('broken', 'ann')).rejects.toThrow('away')
    await expect(publish('broken', 'x')).rejects.toThrow('away')
  })
})

test('an application is told from what is none', () => {
  expect(isApplication(defineApp({}))).toBe(true)
  expect(isApplication(plainApplication)).toBe(true)
  for (const other of [undefined, null, {}, { rules: [] }, acceptUnchanged, 'direct'])
    expect(isApplication(other)).toBe(false)
})
