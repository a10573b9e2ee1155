import type { AuthOptions } from '@roomway/auth'
import { Command, InvalidArgumentError } from 'commander'
import { type Context, type ExitCode, UsageError } from '../context.js'

interface TokenOptions {
  readonly sub: string
  readonly join: readonly string[]
  readonly publish: readonly string[]
  readonly ttl: number
  readonly json: boolean
}

export function tokenCommand(context: Context, onExit: (code: ExitCode) => void): Command {
  return new Command('token')
    .description('Sign a token with ROOMWAY_JWT_SECRET')
    .requiredOption('--sub <user>', 'the user')
    .option('--join <pattern...>', 'rooms the user may join: * is one segment between colons, a final ** the rest', [])
    .option('--publish <pattern...>', 'rooms the user may publish to', [])
    .option('--ttl <seconds>', 'how long it is valid', seconds, 3600)
    .option('--json', 'print an object instead of the bare token', false)
    .addHelpText(
      'after',
      `
Examples:
  $ roomway token --sub ann --join 'chat:*' --publish 'chat:*'
  $ ROOMWAY_TOKEN=$(roomway token --sub ann --join 'user:{sub}:**' --ttl 60) roomway tail user:ann:mail`,
    )
    .action(async (options: TokenOptions) => onExit(await token(context, options)))
}

async function token(context: Context, options: TokenOptions): Promise<ExitCode> {
  const { auth } = await context.config('token')
  if (auth.kind !== 'jwt' || auth.key.kind !== 'secret') {
    throw new UsageError('a token is signed with ROOMWAY_JWT_SECRET, which is not set')
  }
  const { signToken } = await import('@roomway/auth')
  const { sub: user, join, publish, ttl, json } = options
  const { issuer, audience } = auth
  const signed = await signToken({
    secret: auth.key.secret,
    user,
    join,
    publish,
    ttlMs: ttl * 1000,
    issuer,
    audience,
  })
  await assertUsable(signed, auth)
  if (join.length === 0 && publish.length === 0)
    context.note('roomway: this token allows nothing: name rooms with --join and --publish\n')
  context.print(json ? `${JSON.stringify({ token: signed, user, expiresInMs: ttl * 1000 })}\n` : `${signed}\n`)
  return 0
}

/** By the gateway's own rules: a token that it refuses is better not handed out. */
async function assertUsable(token: string, auth: AuthOptions): Promise<void> {
  const { createAuthenticator } = await import('@roomway/auth')
  try {
    await createAuthenticator(auth).authenticate(token)
  } catch (error) {
    throw new UsageError(`the gateway would refuse such a token: ${(error as Error).message}`)
  }
}

function seconds(value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value)
  throw new InvalidArgumentError('It must be a whole number of seconds above 0.')
}
