// Checks every file of vectors with the independent implementation:
//
//     node vectors.mjs FOLDER
//
// Prints "ok - SENTENCE" or "not ok - SENTENCE" for each file; exit status 1 if one is not ok.
import { deepStrictEqual, strictEqual } from 'node:assert'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { csrfCheck, csrfToken, judge, open, openPlaintext, readKeyLine, readRecord, readVariables,
  Refusal, seal, sealPlaintext, subjectKey, subkeys, writeRecord, writeVariables }
  from './wafer.mjs'
import { readBytes, readRecordColumns, readText, readVariablesField, SESSION_COLUMNS, writeBytes,
  writeRecordColumns, writeVariablesField } from './notation.mjs'

const folder = process.argv[2]
let failed = false

function report (error, sentence) {
  console.log((error === null ? 'ok - ' : 'not ok - ') + sentence)
  if (error !== null) console.log('#   ' + String(error.stack).split('\n').join('\n#   '))
  failed ||= error !== null
}

// Every row has so many fields; `check` throws for one that is wrong.
function file (name, count, sentence, check) {
  const rows = readFileSync(join(folder, name), 'utf8').split('\n')
    .filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('\t'))
  let number = 0
  try {
    strictEqual(rows.length > 0, true)
    for (const fields of rows) {
      number++
      strictEqual(fields.length, count)
      check(fields)
    }
    report(null, `${name}: ${sentence} (${number})`)
  } catch (error) {
    report(error, `${name}: ${sentence}, but not row ${number}`)
  }
}

function refusalOf (action) {
  try {
    action()
    return 'none'
  } catch (error) {
    if (error instanceof Refusal) return error.message
    throw error
  }
}

file('keys.tsv', 3, 'lines are keys or none', ([line, word]) => {
  strictEqual(refusalOf(() => readKeyLine(readText(line))), word === 'good' ? 'none' : 'key line')
})

file('subkeys.tsv', 5, 'keys give these subkeys', ([line, name, context, cipher, csrf]) => {
  const derived = subkeys(readKeyLine(line), readText(name), readText(context))
  strictEqual(writeBytes(derived.cipher), cipher)
  strictEqual(writeBytes(derived.csrf), csrf)
})

file('seal.tsv', 5, 'plaintexts are sealed and opened', ([key, id, nonce, plain, token]) => {
  const cipher = readBytes(key)
  strictEqual(sealPlaintext(cipher, readBytes(id), readBytes(nonce), readBytes(plain)), token)
  strictEqual(writeBytes(openPlaintext(cipher, token)), plain)
})

file('records.tsv', SESSION_COLUMNS + 1, 'records are written and read', (fields) => {
  const bytes = fields.pop()
  const { record, used } = readRecord(readBytes(bytes))
  strictEqual(writeBytes(writeRecord(readRecordColumns(fields))), bytes)
  deepStrictEqual(writeRecordColumns(record), fields)
  strictEqual(used, bytes.length / 2)
})

file('variables.tsv', 2, 'variables are written and read', ([variables, bytes]) => {
  const read = readVariables(readBytes(bytes))
  strictEqual(writeBytes(writeVariables(readVariablesField(variables))), bytes)
  strictEqual(writeVariablesField(read.variables), variables)
  strictEqual(read.used, bytes.length / 2)
})

file('tokens.tsv', SESSION_COLUMNS + 7, 'sessions are sealed and opened', (fields) => {
  const [line, name, context, nonce] = fields
  const columns = fields.slice(4, 4 + SESSION_COLUMNS)
  const [variables, padTo, token] = fields.slice(4 + SESSION_COLUMNS)
  const key = readKeyLine(line)
  const session = { record: readRecordColumns(columns), variables: readVariablesField(variables) }
  const opened = open([key], readText(name), readText(context), token, session.record.sealed)
  strictEqual(seal(key, readText(name), readText(context), readBytes(nonce), session,
    Number(padTo)), token)
  deepStrictEqual(writeRecordColumns(opened.record), columns)
  strictEqual(writeVariablesField(opened.variables), variables)
})

file('refusals.tsv', 7, 'tokens are refused for these reasons',
  ([line, name, context, now, token, word]) => {
    const keys = [readKeyLine(line)]
    strictEqual(refusalOf(() => open(keys, readText(name), readText(context),
      readText(token), BigInt(now))), word)
  })

file('verdicts.tsv', 9, 'sessions are judged',
  ([line, name, context, token, now, skew, idle, absolute, verdict]) => {
    const { record } = open([readKeyLine(line)], readText(name), readText(context), token,
      BigInt(now))
    const own = { skew: BigInt(skew), idle: BigInt(idle), absolute: BigInt(absolute) }
    strictEqual(judge(record, BigInt(now), own), verdict)
  })

file('subjects.tsv', 3, 'subjects have these keys', ([realm, subject, key]) => {
  strictEqual(writeBytes(subjectKey(readText(realm), readText(subject))), key)
})

file('csrf.tsv', 6, 'CSRF tokens are made and checked', ([line, name, context, id, mask, token]) => {
  const key = readKeyLine(line)
  const check = (of, text) => refusalOf(() =>
    csrfCheck([key], readText(name), readText(context), of, text, key.created))
  const other = readBytes(id)
  other[15] ^= 1
  strictEqual(csrfToken(key, readText(name), readText(context), readBytes(id), readBytes(mask)),
    token)
  strictEqual(check(readBytes(id), token), 'none')
  strictEqual(check(other, token), 'tag')
  strictEqual(check(readBytes(id), token + 'A'), 'length')
})

process.exit(failed ? 1 : 0)
