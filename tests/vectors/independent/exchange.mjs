// Exchanges random sessions with the library, both ways:
//
//     node exchange.mjs EXCHANGE WAFER SEED COUNT
//
// EXCHANGE is the program of tests/programs/exchange.c, WAFER the command. Prints "ok - SENTENCE" or
// "not ok - SENTENCE" for each kind; exit status 1 if one is not ok.
import { deepStrictEqual, ifError, notStrictEqual, strictEqual } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { csrfCheck, csrfToken, judge, open, readKeyLine, readVariables, seal, writeKeyLine,
  writeRecord, writeVariables } from './wafer.mjs'
import { writeBytes, writeText, writeVariablesField } from './notation.mjs'

const [exchange, wafer, seed, count] = process.argv.slice(2)
const COMMANDS = 10 // the command is run for each, so a few
const PLAIN_MAX = 2900 // leaves room for any name in the cookie's 4096 bytes
const NOW = 1790000000000n
const DAY = 86400000n
let failed = false

function report (sentence, action) {
  try {
    action()
    console.log(`ok - ${sentence}`)
  } catch (error) {
    console.log(`not ok - ${sentence}`)
    console.log('#   ' + String(error.stack).split('\n').join('\n#   '))
    failed = true
  }
}

// ---- Randomness from the seed ----

let drawn = 0

function randomBytes (length) {
  const blocks = []
  for (let done = 0; done < length; done += 64) {
    blocks.push(createHash('sha512').update(`${seed} ${drawn++}`).digest())
  }
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length))
}

function below (limit) {
  return Number(Buffer.from(randomBytes(6)).readUIntBE(0, 6) % limit)
}

const least = (one, other) => one < other ? one : other
const below64 = (limit) => Buffer.from(randomBytes(8)).readBigUInt64BE() % limit
const oneOf = (list) => list[below(list.length)]

const LETTERS = ['a', 'b', 'Z', '0', ' ', '=', '\t', '\n', '"', '\u007f', 'é', '\u07ff', '世', '\ufeff',
  '\uffff', '😀', '\u{10ffff}']

// At most so many bytes, or characters when `letters` are of one byte each.
function randomText (most, letters) {
  const length = oneOf([below(4), below(30), below(most)])
  let text = ''
  for (;;) {
    const longer = text + oneOf(letters)
    if (Buffer.byteLength(longer) > length) return text
    text = longer
  }
}

function randomInteger () {
  const bits = BigInt(below(64))
  const value = below64(1n << bits)
  return below(2) === 0 ? value : -1n - value
}

function randomValue () {
  return oneOf([
    randomInteger,
    () => below(2) === 0,
    () => randomText(300, LETTERS),
    () => randomBytes(oneOf([0, 23, 24, below(300)]))
  ])()
}

function randomVariables () {
  const variables = new Map()
  for (let left = oneOf([0, 3, below(25), below(65)]); left > 0; left--) {
    variables.set(oneOf(LETTERS) + randomText(250, LETTERS), randomValue())
  }
  return readVariables(writeVariables(variables)).variables
}

function randomRecord () {
  const login = NOW - below64(10n * DAY)
  const sealed = NOW + 60000n - below64(2n * DAY)
  const active = sealed - oneOf([0n, below64(DAY)])
  const used = sealed > NOW ? NOW : sealed
  return {
    id: randomBytes(16),
    login,
    sealed,
    active,
    absolute: NOW + 1n + below64(3650n * DAY),
    idle: oneOf([0n, used - active + NOW - used + 60001n + below64(DAY)]),
    renewals: oneOf([0n, below64(131072n)]),
    outlivesBrowser: below(2) === 1,
    subject: randomText(256, LETTERS)
  }
}

function randomKeyLine (now) {
  const second = (time) => time - time % 1000n
  const created = second(now - below64(365n * DAY))
  const from = second(now - below64(365n * DAY))
  const until = second(now + 1000n + below64(3650n * DAY))
  return writeKeyLine(randomBytes(32), created, from, oneOf([null, until]))
}

// What both sides know, then a session that fits a cookie of that name.
function randomCase (now) {
  const some = {
    line: randomKeyLine(now),
    name: oneOf(['__Host-session', 'sid', 'a.b_c~1!#$%&\'*+-^`|']),
    context: randomText(1025, LETTERS),
    own: { skew: 60000n, idle: 0n, absolute: 3650n * DAY }
  }
  do {
    some.session = { record: randomRecord(), variables: randomVariables() }
  } while (writeRecord(some.session.record).length +
           writeVariables(some.session.variables).length > PLAIN_MAX)
  return some
}

// ---- The other side ----

function ask (command, cases, first, second) {
  const lines = cases.map((some) => [command, some.line, writeText(some.name),
    writeText(some.context), NOW, some.own.skew, some.own.idle, some.own.absolute,
    first(some), second(some)].join('\t') + '\n')
  const { error, status, stdout, stderr } = spawnSync(exchange, { input: lines.join(''),
    maxBuffer: 1 << 28 })
  ifError(error)
  strictEqual(stderr.toString(), '')
  strictEqual(status, 0)
  const answers = stdout.toString().split('\n').slice(0, -1).map((line) => line.split('\t'))
  strictEqual(answers.length, cases.length)
  return answers
}

function cases () {
  return Array.from({ length: Number(count) }, () => randomCase(NOW))
}

function sealAll () {
  return cases().map((some) => {
    const key = readKeyLine(some.line)
    const token = seal(key, some.name, some.context, randomBytes(24), some.session, below(100))
    const csrf = csrfToken(key, some.name, some.context, some.session.record.id, randomBytes(16))
    return { ...some, token, csrf }
  })
}

function theLibraryOpens () {
  const sealed = sealAll()
  ask('open', sealed, (some) => some.token, (some) => some.csrf).forEach((answer, at) => {
    const { record, variables } = sealed[at].session
    const ends = least(record.absolute, record.login + sealed[at].own.absolute)
    const idles = record.idle === 0n ? ends : least(ends, record.active + record.idle)
    deepStrictEqual(answer, ['valid', writeBytes(record.id), ends.toString(), idles.toString(),
      writeText(record.subject), writeVariablesField(variables), '1'])
  })
}

// Also that of another session is no CSRF token.
function theLibraryRefuses () {
  const sealed = sealAll()
  const changed = sealed.map((some, at) => {
    const raw = Buffer.from(some.token, 'base64url')
    raw[below(raw.length)] ^= 1 << below(8)
    return { ...some, token: raw.toString('base64url'), csrf: sealed.at(at - 1).csrf }
  })
  ask('open', changed, (some) => some.token, (some) => some.csrf)
    .forEach((answer) => strictEqual(answer.length, 1))
  ask('open', sealed, (some) => some.token, (some) => changed[sealed.indexOf(some)].csrf)
    .forEach((answer) => deepStrictEqual([answer[0], answer.at(-1)], ['valid', '0']))
}

function nodeOpens () {
  const wanted = cases()
  const answers = ask('seal', wanted, (some) => writeText(some.session.record.subject),
    (some) => writeVariablesField(some.session.variables))
  const tokens = new Set()
  answers.forEach(([token, id, expires, csrf], at) => {
    const { line, name, context, own, session } = wanted[at]
    const keys = [readKeyLine(line)]
    const { record, variables } = open(keys, name, context, token, NOW)
    strictEqual(writeVariablesField(variables), writeVariablesField(session.variables))
    strictEqual(record.subject, session.record.subject)
    strictEqual(writeBytes(record.id), id)
    strictEqual(record.absolute.toString(), expires)
    deepStrictEqual([record.login, record.sealed, record.active, record.idle, record.renewals],
      [NOW, NOW, NOW, own.idle, 0n])
    strictEqual(judge(record, NOW, own), 'valid')
    csrfCheck(keys, name, context, record.id, csrf, NOW)
    tokens.add(token)
  })
  strictEqual(tokens.size, answers.length)
}

// ---- The command ----

function run (...words) {
  const { error, status, stdout, stderr } = spawnSync(wafer, words)
  ifError(error)
  strictEqual(stderr.toString(), '')
  strictEqual(status, 0)
  return stdout.toString()
}

// A key file that Node wrote, and what is put, as the command takes and prints it.
function withCommand (action) {
  const folder = mkdtempSync(join(tmpdir(), 'wafer-vectors-'))
  const keys = join(folder, 'keys')
  const now = BigInt(Date.now())
  const some = { line: randomKeyLine(now), context: randomText(20, ['a', 'b', 'é']), keys, now }
  some.variables = new Map([['b', randomBytes(3)], ['n', randomInteger()], ['t', 'x y'], ['yes', true]])
  some.printed = [`b:bytes=${writeBytes(some.variables.get('b'))}`,
    `n:integer=${some.variables.get('n')}`, 't:text=x y', 'yes:boolean=true']
  try {
    writeFileSync(keys, some.line + '\n', { mode: 0o600 })
    action(some)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function theCommandOpens ({ line, context, keys, now, variables, printed }) {
  const record = { ...randomRecord(), login: now, sealed: now, active: now, absolute: now + DAY }
  const session = { record: { ...record, subject: 'alice' }, variables }
  const token = seal(readKeyLine(line), 'sid', context, randomBytes(24), session, 0)
  const lines = run('open', '--keys', keys, '--name', 'sid', '--context', context, '--', token)
    .split('\n')
  deepStrictEqual(lines.slice(-5, -1), printed)
  notStrictEqual(lines.indexOf('subject: alice'), -1)
  notStrictEqual(lines.indexOf('id: ' + writeBytes(record.id)), -1)
}

function nodeOpensTheCommands ({ line, context, keys, now, variables, printed }) {
  const token = run('seal', '--keys', keys, '--name', 'sid', '--context', context,
    '--subject', 'alice', '--', ...printed).trimEnd()
  const opened = open([readKeyLine(line)], 'sid', context, token, now)
  strictEqual(opened.record.subject, 'alice')
  strictEqual(writeVariablesField(opened.variables), writeVariablesField(variables))
}

function times (number, action) {
  for (let done = 0; done < number; done++) action()
}

report(`the library opens what Node sealed, ${count} sessions`, theLibraryOpens)
report('and refuses them with a bit changed, and the CSRF tokens of others', theLibraryRefuses)
report(`Node opens what the library sealed, ${count} sessions`, nodeOpens)
report(`the command opens what Node sealed, ${COMMANDS} tokens`,
  () => times(COMMANDS, () => withCommand(theCommandOpens)))
report(`Node opens what the command sealed, ${COMMANDS} tokens`,
  () => times(COMMANDS, () => withCommand(nodeOpensTheCommands)))
if (failed) console.log(`# the seed was ${seed}`)
process.exit(failed ? 1 : 0)
