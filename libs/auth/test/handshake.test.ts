import { describe, expect, test } from '@jest/globals'
import { findToken, originAllowed } from '../src/index.js'

describe('a token in the handshake', () => {
  test.each([
    ['the Authorization header', { authorization: 'Bearer abc.def' }, 'abc.def'],
    ['the same in another case', { authorization: 'bearer  abc' }, 'abc'],
    ['a subprotocol item', { protocols: 'roomway.v1.json, bearer.abc.def' }, 'abc.def'],
    ['a cookie', { cookie: 'a=b; roomway_token=abc.def; c=d' }, 'abc.def'],
    ['a quoted, encoded cookie', { cookie: 'roomway_token="a%2Bb"' }, 'a+b'],
    ['a cookie with a stray percent sign', { cookie: 'roomway_token=100%' }, '100%'],
    [
      'the header before all others',
      { authorization: 'Bearer h', protocols: 'bearer.p', cookie: 'roomway_token=c' },
      'h',
    ],
    ['a subprotocol item before a cookie', { protocols: 'bearer.p', cookie: 'roomway_token=c' }, 'p'],
    ['the cookie beside another scheme', { authorization: 'Basic abc', cookie: 'roomway_token=c' }, 'c'],
    ['no other cookie', { cookie: 'xroomway_token=a; roomway_tokenx=b' }, undefined],
    [
      'nothing where it is empty',
      { authorization: 'Bearer ', protocols: 'bearer.', cookie: 'roomway_token=' },
      undefined,
    ],
    ['nothing', {}, undefined],
  ])('is taken from %s', (_name, headers, token) => {
    expect(findToken(headers, 'roomway_token')).toBe(token)
  })
})

describe('a page’s origin', () => {
  const named = (...allowedOrigins: string[]) => ({ anonymous: false, allowedOrigins })

  test('is not asked of those who are no page, and null is never one', () => {
    expect(originAllowed(undefined, 'a.com', { anonymous: false })).toBe(true)
    expect(originAllowed('null', 'a.com', named('*'))).toBe(false)
  })

  test('may be left out towards a server of this machine that asks for no token only where the request names this machine', () => {
    const policy = { anonymous: true, isLocal: true }
    for (const host of [undefined, '', 'localhost:8080', 'LOCALHOST', '127.0.0.1:8080', '127.9.9.9', '[::1]:8080'])
      expect([host, originAllowed(undefined, host, policy)]).toEqual([host, true])
    for (const host of ['evil.com:8080', 'localhost.evil.com', '127.0.0.1.evil.com', '192.168.0.1', 'a@b', ' '])
      expect([host, originAllowed(undefined, host, policy)]).toEqual([host, false])
    const listed = { ...policy, allowedOrigins: ['https://app.example.com', 'http://*.test:8080'] }
    for (const host of ['app.example.com', 'a.test:8080', 'localhost:8080'])
      expect([host, originAllowed(undefined, host, listed)]).toEqual([host, true])
    for (const host of ['app.example.com:8080', 'evil.com'])
      expect([host, originAllowed(undefined, host, listed)]).toEqual([host, false])
    expect(originAllowed(undefined, 'evil.com', { anonymous: true })).toBe(true)
    expect(originAllowed(undefined, 'evil.com', { anonymous: false, isLocal: true })).toBe(true)
  })

  test('is by default loopback where authentication is off', () => {
    const allowed = (origin: string) => originAllowed(origin, 'localhost:8080', { anonymous: true })
    for (const origin of ['http://localhost:3000', 'https://LOCALHOST', 'http://127.0.0.1:8082', 'http://[::1]:1']) {
      expect([origin, allowed(origin)]).toEqual([origin, true])
    }
    for (const origin of [
      'http://evil.com',
      'http://127.0.0.1.evil.com',
      'http://localhost.evil.com',
      'http://192.168.0.1',
      'file://',
    ]) {
      expect([origin, allowed(origin)]).toEqual([origin, false])
    }
  })

  test('is by default the host of the request where there is authentication', () => {
    const allowed = (origin: string, host?: string) => originAllowed(origin, host, { anonymous: false })
    expect(allowed('https://app.example.com', 'app.example.com')).toBe(true)
    expect(allowed('https://APP.example.com:443', 'app.Example.com')).toBe(true)
    expect(allowed('https://app.example.com', 'app.example.com:443')).toBe(true)
    expect(allowed('http://app.example.com', 'app.example.com:80')).toBe(true)
    expect(allowed('http://app.example.com:8080', 'app.example.com:8080')).toBe(true)
    expect(allowed('http://[2001:db8::1]:8080', '[2001:DB8:0::1]:8080')).toBe(true)
    expect(allowed('https://app.example.com', 'app.example.com:8443')).toBe(false)
    expect(allowed('https://evil.com', 'app.example.com')).toBe(false)
    expect(allowed('https://app.example.com.evil.com', 'app.example.com')).toBe(false)
    expect(allowed('http://localhost', 'app.example.com')).toBe(false)
    expect(allowed('https://app.example.com', undefined)).toBe(false)
  })

  test('on a list counts with its scheme and port, whatever the case', () => {
    const list = named('https://App.example.com', 'http://localhost:3000', 'capacitor://localhost')
    for (const origin of [
      'https://app.example.com',
      'https://app.example.com:443',
      'http://localhost:3000',
      'capacitor://localhost',
    ]) {
      expect([origin, originAllowed(origin, 'x', list)]).toEqual([origin, true])
    }
    for (const origin of [
      'http://app.example.com',
      'https://app.example.com:444',
      'http://localhost',
      'https://x.app.example.com',
    ]) {
      expect([origin, originAllowed(origin, 'app.example.com', list)]).toEqual([origin, false])
    }
  })

  test('under a wildcard is any subdomain, at any depth, and not the domain itself', () => {
    const list = named('https://*.example.com', 'https://*.dev.test:8443')
    for (const origin of ['https://a.example.com', 'https://a.b.example.com', 'https://a.dev.test:8443']) {
      expect([origin, originAllowed(origin, 'x', list)]).toEqual([origin, true])
    }
    for (const origin of [
      'https://example.com',
      'https://evilexample.com',
      'http://a.example.com',
      'https://a.dev.test',
      'https://a.example.com.evil.com',
    ]) {
      expect([origin, originAllowed(origin, 'x', list)]).toEqual([origin, false])
    }
    expect(originAllowed('https://anything.at.all', 'x', named('*'))).toBe(true)
  })

  test('that is no origin is refused, even where every page is let in', () => {
    for (const origin of [
      'evil',
      'https://',
      'https://a.com/path',
      'https://user@a.com',
      'https://a.com\\@b.com',
      'https://a b',
    ]) {
      expect([origin, originAllowed(origin, 'a.com', named('*'))]).toEqual([origin, false])
    }
  })
})
