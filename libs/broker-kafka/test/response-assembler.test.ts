import { beforeEach, describe, expect, test } from '@jest/globals'
import { ResponseAssembler } from '../src/response-assembler.js'

function response(text: string): Buffer {
  const bytes = Buffer.alloc(4 + text.length)
  bytes.writeInt32BE(text.length)
  bytes.write(text, 4)
  return bytes
}

describe('what is read of a broker', () => {
  let handedOut: Buffer[]
  let assembler: ResponseAssembler

  beforeEach(() => {
    handedOut = []
    assembler = new ResponseAssembler((bytes) => handedOut.push(bytes))
  })

  /** Each read lies in the same memory as the one before. */
  function read(stream: Buffer, most: number): void {
    const memory = Buffer.alloc(most)
    for (let at = 0; at < stream.length; at += most) {
      const length = stream.copy(memory, 0, at, at + most)
      assembler.take(memory.subarray(0, length))
      memory.fill(0xff)
    }
  }

  test('is handed out one whole response at a time, wherever the reads were cut', () => {
    const responses = ['first', '', 'x'.repeat(9_000), 'last'].map(response)
    for (const most of [1, 2, 3, 4, 5, 7, 8, 4_096, 100_000]) {
      handedOut = []
      read(Buffer.concat(responses), most)
      expect(handedOut).toEqual(responses)
    }
  })

  test('is not handed out before it is whole', () => {
    read(response('nearly').subarray(0, 9), 9)
    expect(handedOut).toEqual([])
  })

  test.each([
    ['a TLS alert', Buffer.from('15030300020228', 'hex')],
    ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a length below 0', Buffer.from('ffffffff01', 'hex')],
  ])('is handed out as it comes and not waited for where it is %s', (_, bytes) => {
    const good = response('good')
    read(Buffer.concat([good, bytes, bytes]), 5)
    expect(handedOut[0]).toEqual(good)
    expect(Buffer.concat(handedOut)).toEqual(Buffer.concat([good, bytes, bytes]))
  })
})
