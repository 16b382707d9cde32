// Format 1 as ../README.md describes it, without any code of the library: ciphers, hashes and CBOR
// are packages of other people's. Bytes are Uint8Array, times and integers BigInt, texts strings.
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake2b } from '@noble/hashes/blake2.js'
import { encode, rfc8949EncodeOptions, Tokenizer, Type } from 'cborg'

const KEY_LINE_FIELDS = 6
const LOGIN_MAX = 8796093022207n
const TIME_MAX = 9111453022207n
const IDLE_MAX = 315360000000n
const RENEWALS_MAX = 131071n
const NAME_MAX = 255
const VARIABLES_MAX = 64
const TOKEN_MIN = 59
const TOKEN_MAX = 4096
const HEADER_SIZE = 4
const NONCE_SIZE = 24
const CSRF_LENGTH = 48

// Why something is refused, in a word of the description.
export class Refusal extends Error {}

function refuseUnless (truth, word) {
  if (!truth) throw new Refusal(word)
}

const concat = (...parts) => new Uint8Array(Buffer.concat(parts))
const bytesOf = (text) => new Uint8Array(Buffer.from(text, 'utf8'))
const equal = (one, other) => Buffer.compare(one, other) === 0

function be32 (number) {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(number)
  return bytes
}

function textOf (bytes, word) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    refuseUnless(!text.includes('\0'), word)
    return text
  } catch {
    throw new Refusal(word)
  }
}

export function base64url (bytes) {
  return Buffer.from(bytes).toString('base64url')
}

// Node reads more than it writes, so what it read is written again.
function fromBase64url (text, word) {
  const bytes = new Uint8Array(Buffer.from(text, 'base64url'))
  refuseUnless(base64url(bytes) === text, word)
  return bytes
}

// ---- Keys ----

export function keyId (secret) {
  return blake2b(bytesOf('wafer key id 1'), { key: secret, dkLen: 32 }).slice(0, 3)
}

const writeTime = (time) => new Date(Number(time)).toISOString().replace('.000Z', 'Z')

// Node reads days that do not exist, so what it read is written again.
function readTime (field) {
  const milliseconds = Date.parse(field)
  refuseUnless(milliseconds >= 0 && writeTime(milliseconds) === field, 'key line')
  return BigInt(milliseconds)
}

export function readKeyLine (line) {
  const fields = line.split(/[ \t]+/).filter((field) => field !== '')
  refuseUnless(fields.length === KEY_LINE_FIELDS && fields[0] === '1', 'key line')
  refuseUnless(/^[0-9a-fA-F]{6}$/.test(fields[1]), 'key line')
  refuseUnless(/^[0-9a-fA-F]{64}$/.test(fields[2]), 'key line')
  const secret = new Uint8Array(Buffer.from(fields[2], 'hex'))
  const id = keyId(secret)
  refuseUnless(secret.some((byte) => byte !== 0), 'key line')
  refuseUnless(equal(id, Buffer.from(fields[1], 'hex')), 'key line')
  const created = readTime(fields[3])
  const sealsFrom = readTime(fields[4])
  const opensUntil = fields[5] === 'never' ? null : readTime(fields[5])
  refuseUnless(opensUntil === null || (created <= opensUntil && sealsFrom < opensUntil), 'key line')
  return { secret, id, created, sealsFrom, opensUntil }
}

export function writeKeyLine (secret, created, sealsFrom, opensUntil) {
  const hex = (bytes) => Buffer.from(bytes).toString('hex')
  return ['1', hex(keyId(secret)), hex(secret), writeTime(created), writeTime(sealsFrom),
    opensUntil === null ? 'never' : writeTime(opensUntil)].join(' ')
}

function opens (key, now) {
  return key.opensUntil === null || now < key.opensUntil
}

export function subkeys (key, name, context) {
  const nameBytes = bytesOf(name)
  const contextBytes = bytesOf(context)
  const binding = concat(be32(nameBytes.length), nameBytes, be32(contextBytes.length), contextBytes)
  const derive = (label) =>
    blake2b(concat(bytesOf(label + '\0'), binding), { key: key.secret, dkLen: 32 })
  return { cipher: derive('wafer cipher 1'), csrf: derive('wafer csrf 1') }
}

// ---- The record ----

function writeCompact (value) {
  const bytes = []
  for (; value > 127n; value >>= 7n) bytes.push(Number(value & 127n) | 128)
  bytes.push(Number(value))
  return Uint8Array.from(bytes)
}

function writeSigned (value) {
  return writeCompact(value >= 0n ? 2n * value : -2n * value - 1n)
}

class Reader {
  constructor (bytes) {
    this.bytes = bytes
    this.at = 0
  }

  take (length) {
    refuseUnless(this.at + length <= this.bytes.length, 'record')
    this.at += length
    return this.bytes.slice(this.at - length, this.at)
  }

  compact (most) {
    let value = 0n
    let shift = 0n
    let byte
    do {
      byte = BigInt(this.take(1)[0])
      value |= (byte & 127n) << shift
      shift += 7n
    } while (byte > 127n)
    refuseUnless(value <= most && (byte !== 0n || shift === 7n), 'record')
    return value
  }

  timeAfter (base) {
    const coded = this.compact(2n * TIME_MAX)
    const time = base + (coded % 2n === 0n ? coded / 2n : -(coded + 1n) / 2n)
    refuseUnless(time >= 0n && time <= TIME_MAX, 'record')
    return time
  }
}

export function writeRecord (record) {
  const subject = bytesOf(record.subject)
  const login = Buffer.alloc(8)
  login.writeBigUInt64BE(record.login)
  const unused = record.sealed - record.active
  return concat(
    record.id,
    login.subarray(2),
    Uint8Array.of((record.outlivesBrowser ? 1 : 0) + (unused > 0n ? 2 : 0)),
    writeSigned(record.sealed - record.login),
    unused > 0n ? writeCompact(unused) : Uint8Array.of(),
    writeSigned(record.absolute - record.login),
    writeCompact(record.idle),
    writeCompact(record.renewals),
    Uint8Array.of(subject.length),
    subject)
}

export function readRecord (plain) {
  const reader = new Reader(plain)
  const id = reader.take(16)
  const login = BigInt('0x' + Buffer.from(reader.take(6)).toString('hex'))
  const flags = reader.take(1)[0]
  refuseUnless(login <= LOGIN_MAX && flags < 4, 'record')
  const sealed = reader.timeAfter(login)
  let active = sealed
  if (flags & 2) {
    const unused = reader.compact(sealed)
    refuseUnless(unused > 0n, 'record')
    active -= unused
  }
  const absolute = reader.timeAfter(login)
  const idle = reader.compact(IDLE_MAX)
  const renewals = reader.compact(RENEWALS_MAX)
  const subject = textOf(reader.take(reader.take(1)[0]), 'record')
  const outlivesBrowser = (flags & 1) === 1
  return {
    record: { id, login, sealed, active, absolute, idle, renewals, outlivesBrowser, subject },
    used: reader.at
  }
}

// ---- Variables: a Map ----

export function writeVariables (variables) {
  return encode(variables, rfc8949EncodeOptions)
}

function readName (token) {
  refuseUnless(Type.equals(token.type, Type.string), 'variables')
  refuseUnless(token.byteValue.length >= 1 && token.byteValue.length <= NAME_MAX, 'variables')
  return textOf(token.byteValue, 'variables')
}

function readValue (token) {
  switch (token.type) {
    case Type.uint:
    case Type.negint: {
      const value = BigInt(token.value)
      refuseUnless(BigInt.asIntN(64, value) === value, 'variables')
      return value
    }
    case Type.string:
      return textOf(token.byteValue, 'variables')
    case Type.bytes:
      return new Uint8Array(token.value)
    case Type.true:
    case Type.false:
      return token.value
    default:
      throw new Refusal('variables')
  }
}

function readMap (bytes) {
  const tokens = new Tokenizer(bytes, { strict: true, allowBigInt: true, retainStringBytes: true })
  const variables = new Map()
  const head = tokens.next()
  refuseUnless(Type.equals(head.type, Type.map) && head.value <= VARIABLES_MAX, 'variables')
  for (let i = 0; i < head.value; i++) {
    const name = readName(tokens.next())
    variables.set(name, readValue(tokens.next()))
  }
  return { variables, used: tokens.pos() }
}

// What was read is written again: that shows order, doubles and longer forms.
export function readVariables (bytes) {
  let map
  try {
    map = readMap(bytes)
  } catch {
    throw new Refusal('variables')
  }
  refuseUnless(equal(writeVariables(map.variables), bytes.slice(0, map.used)), 'variables')
  return map
}

// ---- Tokens ----

export function sealPlaintext (cipherKey, id, nonce, plain) {
  const header = concat(Uint8Array.of(1), id)
  return base64url(concat(header, nonce,
    xchacha20poly1305(cipherKey, nonce, header).encrypt(plain)))
}

export function openPlaintext (cipherKey, token) {
  const raw = fromBase64url(token, 'text')
  const header = raw.slice(0, HEADER_SIZE)
  const nonce = raw.slice(HEADER_SIZE, HEADER_SIZE + NONCE_SIZE)
  try {
    return xchacha20poly1305(cipherKey, nonce, header).decrypt(raw.slice(HEADER_SIZE + NONCE_SIZE))
  } catch {
    throw new Refusal('tag')
  }
}

// A session is a record and its variables.
export function seal (key, name, context, nonce, session, padTo) {
  const plain = concat(writeRecord(session.record), writeVariables(session.variables))
  const padded = padTo > 1 ? Math.ceil(plain.length / padTo) * padTo : plain.length
  const padding = new Uint8Array(padded - plain.length)
  return sealPlaintext(subkeys(key, name, context).cipher, key.id, nonce, concat(plain, padding))
}

export function open (keys, name, context, token, now) {
  refuseUnless(token.length >= TOKEN_MIN && token.length <= TOKEN_MAX, 'length')
  const raw = fromBase64url(token, 'text')
  refuseUnless(raw[0] === 1, 'version')
  const key = keys.find((one) => equal(one.id, raw.slice(1, HEADER_SIZE)))
  refuseUnless(key !== undefined && opens(key, now), 'key')
  const plain = openPlaintext(subkeys(key, name, context).cipher, token)
  const { record, used } = readRecord(plain)
  const map = readVariables(plain.slice(used))
  refuseUnless(plain.slice(used + map.used).every((byte) => byte === 0), 'padding')
  return { record, variables: map.variables }
}

// `own` are the application's limits: skew, idle, absolute.
export function judge (record, now, own) {
  const least = (one, other) => one < other ? one : other
  const idle = record.idle === 0n || own.idle === 0n
    ? record.idle + own.idle
    : least(record.idle, own.idle)
  if (record.sealed > now + own.skew) return 'future'
  if (now >= least(record.absolute, record.login + own.absolute)) return 'expired'
  if (idle > 0n && now - record.active >= idle) return 'idle'
  return 'valid'
}

// ---- Lists and CSRF tokens ----

export function subjectKey (realm, subject) {
  const realmBytes = bytesOf(realm)
  const message = concat(bytesOf('wafer subject 1\0'), be32(realmBytes.length), realmBytes,
    bytesOf(subject))
  return blake2b(message, { dkLen: 16 })
}

function csrfMac (key, name, context, id) {
  return blake2b(id, { key: subkeys(key, name, context).csrf, dkLen: 16 })
}

const xor = (one, other) => one.map((byte, at) => byte ^ other[at])

export function csrfToken (key, name, context, id, mask) {
  const mac = csrfMac(key, name, context, id)
  return base64url(concat(Uint8Array.of(1), key.id, mask, xor(mask, mac)))
}

// Tests know no secrets: a server compares in constant time.
export function csrfCheck (keys, name, context, id, token, now) {
  refuseUnless(token.length === CSRF_LENGTH, 'length')
  const raw = fromBase64url(token, 'text')
  refuseUnless(raw[0] === 1, 'version')
  const key = keys.find((one) => equal(one.id, raw.slice(1, HEADER_SIZE)))
  refuseUnless(key !== undefined && opens(key, now), 'key')
  refuseUnless(equal(xor(raw.slice(4, 20), raw.slice(20)), csrfMac(key, name, context, id)), 'tag')
}
