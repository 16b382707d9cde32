// @fastify/secure-session for Node: libsodium's XSalsa20-Poly1305, JSON, a time stamp. Driven
// through the functions that it gives a server, without HTTP: the Set-Cookie line goes out, the
// Cookie field comes in. The value holds a ';', so @fastify/cookie escapes it.
//
//     PEER TURN_MS SIZE:NOTE_LENGTH...
import { randomBytes, randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fastify from 'fastify'
import secureSession from '@fastify/secure-session'

const BATCH = 16
const ROUNDS = 7
const OPTIONS = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' }

function require (truth, what) {
  if (!truth) {
    console.error(what)
    process.exit(1)
  }
}

function randomText (length, characters) {
  return Array.from({ length }, () => characters[randomInt(characters.length)]).join('')
}

function cpuNanoseconds () {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

function turn (run, turnNanoseconds) {
  const start = cpuNanoseconds()
  let done = 0
  let spent = 0
  while (spent < turnNanoseconds) {
    for (let i = 0; i < BATCH; i++) run()
    done += BATCH
    spent = cpuNanoseconds() - start
  }
  return spent / done
}

// Its compiler takes longer to warm up than the others' caches.
function median (run, turnNanoseconds) {
  turn(run, 20 * turnNanoseconds)
  const figures = Array.from({ length: ROUNDS }, () => turn(run, turnNanoseconds))
  return figures.sort((a, b) => a - b)[(ROUNDS - 1) / 2]
}

const server = fastify()
server.register(secureSession, { key: randomBytes(32), expiry: 43200, cookie: OPTIONS })
await server.ready()

function seal (variables) {
  const session = server.createSecureSession({})
  for (const name in variables) session.set(name, variables[name])
  return server.serializeCookie('session', server.encodeSecureSession(session), OPTIONS)
}

function open (cookie) {
  return server.decodeSecureSession(server.parseCookie(cookie).session)
}

const manifest = new URL('node_modules/@fastify/secure-session/package.json', import.meta.url)
const { version } = JSON.parse(readFileSync(manifest))
const [turnMilliseconds, ...loads] = process.argv.slice(2)
require(loads.length > 0, 'usage: TURN_MS SIZE:NOTE_LENGTH...')

for (const load of loads) {
  const [size, noteLength] = load.split(':').map(Number)
  const variables = {
    user_id: 12345678,
    name: 'Ada Lovelace',
    role: 'admin',
    csrf: randomText(32, '0123456789abcdef')
  }
  if (noteLength > 0) {
    variables.note = randomText(noteLength,
      '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
  }
  const cookie = seal(variables).split(';')[0]
  const middle = cookie.length >> 1
  // Not in an escape, which would be another way to refuse it.
  const at = middle + cookie.slice(middle).search(/(?<!%.?)[A-Za-z0-9]/)
  const forged = cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1)

  const found = open(cookie)
  require(found !== null && Object.keys(found.data()).length === Object.keys(variables).length &&
    Object.entries(variables).every(([name, value]) => found.get(name) === value),
  'what was opened is not what was sealed')

  const operations = {
    seal: () => seal(variables),
    open: () => require(open(cookie).get('csrf').length === 32, 'a cookie does not open'),
    forged: () => require(open(forged) === null, 'a forged cookie is not refused')
  }
  for (const operation in operations) {
    console.log(JSON.stringify({
      peer: '@fastify/secure-session',
      version,
      operation,
      size,
      ns: median(operations[operation], turnMilliseconds * 1e6),
      bytes: cookie.length - 'session='.length
    }))
  }
}
await server.close()
