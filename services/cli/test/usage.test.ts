import { describe, expect, test } from '@jest/globals'
import { roomway } from './command-line.js'

const commands = ['start', 'gateway', 'app', 'publish', 'tail', 'token', 'dead', 'doctor']

describe('the command line', () => {
  test('names every command, and the exit codes, in its help', async () => {
    const { code, stdout } = await roomway(['--help'])
    expect(code).toBe(0)
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'))
    expect(stdout).toContain('Exit code: 0 done, 1 failed, 2 bad usage')
  })

  test.each(commands)('shows examples and --json in the help of %s', async (command) => {
    const { code, stdout } = await roomway([command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain(`roomway ${command}`)
    expect(stdout).toContain('--json')
  })

  test.each(['list', 'show', 'replay', 'drop'])('shows examples and --json in the help of dead %s', async (command) => {
    const { code, stdout } = await roomway(['dead', command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain(`roomway dead ${command}`)
    expect(stdout).toContain('--json')
  })

  test.each([
    ['no command', []],
    ['dead letters and nothing to do with them', ['dead']],
    ['an unknown thing to do with dead letters', ['dead', 'bury']],
    ['a dead letter that is none', ['dead', 'show', '41']],
    ['no dead letter to drop', ['dead', 'drop']],
    ['an unknown command', ['pubish']],
    ['an unknown option', ['doctor', '--verbose']],
    ['a missing argument', ['publish', 'chat:lobby']],
    ['a superfluous argument', ['tail', 'a', 'b']],
    ['data that is not JSON', ['publish', 'chat:lobby', 'message', 'hello']],
    ['a position that is none', ['tail', 'chat:lobby', '--from', '41']],
    ['a count that is none', ['tail', 'chat:lobby', '--last', '0']],
    ['two beginnings at once', ['tail', 'chat:lobby', '--last', '1', '--from', 'k3f9:41']],
    ['a token for nobody', ['token']],
  ])('answers %s with exit code 2 and says what is wrong', async (_case, argv) => {
    const { code, stdout, stderr } = await roomway(argv)
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).not.toBe('')
  })

  test('says its version, and helps where help is asked for by name', async () => {
    const { code, stdout } = await roomway(['--version'])
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
    for (const [asked, said] of [
      [['help'], 'Exit code'],
      [['help', 'tail'], 'roomway tail'],
      [['dead', 'help'], 'xargs -r'],
    ] as const)
      expect(await roomway(asked)).toMatchObject({ code: 0, stdout: expect.stringContaining(said) })
  })

  test('says that nothing came where standard input is empty', async () => {
    const { code, stderr } = await roomway(['publish', 'a', 'b', '-'], {}, '\n')
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('nothing came on standard input') })
  })

  test('says what publish and tail do not do in their help', async () => {
    expect((await roomway(['publish', '--help'])).stdout).toContain('may still reject it')
    expect((await roomway(['tail', '--help'])).stdout).toContain('patterns (chat:*) are for tokens')
  })

  test('suggests the command that was probably meant', async () => {
    expect((await roomway(['pubish'])).stderr).toContain('publish')
  })

  test('lists every fault of the configuration at once, with exit code 2', async () => {
    const env = { ROOMWAY_GATEWAY_PORT: 'eighty', ROOMWAY_BROKER: 'redis', ROOMWAY_GATWAY_PORT: '1' }
    for (const argv of [['start'], ['publish', 'a', 'b'], ['tail', 'a']]) {
      const { code, stderr } = await roomway(argv, env)
      expect(code).toBe(2)
      expect(stderr).toContain('ROOMWAY_GATEWAY_PORT must be a whole number')
      expect(stderr).toContain('ROOMWAY_BROKER must be one of')
      expect(stderr).toContain('did you mean ROOMWAY_GATEWAY_PORT?')
    }
  })

  test('does not run a gateway or an app on a broker nobody named', async () => {
    for (const command of ['gateway', 'app']) {
      const { code, stderr } = await roomway([command])
      expect(code).toBe(2)
      expect(stderr).toContain('ROOMWAY_BROKER is needed here')
    }
  })

  test('says faults as an object where --json is given', async () => {
    const { stderr } = await roomway(['token', '--sub', 'ann', '--json'])
    expect(JSON.parse(stderr)).toEqual({ error: { message: expect.stringContaining('ROOMWAY_JWT_SECRET') } })
  })
})
