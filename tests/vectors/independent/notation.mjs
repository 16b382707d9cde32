// How the files of vectors and the lines of an exchange write things; see ../README.md.
const COLUMNS = ['id', 'login', 'sealed', 'active', 'absolute', 'idle', 'renewals']

export const SESSION_COLUMNS = COLUMNS.length + 2

export function writeBytes (bytes) {
  return bytes.length > 0 ? Buffer.from(bytes).toString('hex') : '-'
}

export function readBytes (field) {
  return new Uint8Array(field === '-' ? [] : Buffer.from(field, 'hex'))
}

export function writeText (text) {
  return writeBytes(Buffer.from(text, 'utf8'))
}

export function readText (field) {
  return Buffer.from(readBytes(field)).toString('utf8')
}

export function writeRecordColumns (record) {
  return [writeBytes(record.id), ...COLUMNS.slice(1).map((name) => record[name].toString()),
    record.outlivesBrowser ? '1' : '0', writeText(record.subject)]
}

export function readRecordColumns (fields) {
  const record = {}
  COLUMNS.forEach((name, at) => { record[name] = at === 0 ? null : BigInt(fields[at]) })
  record.id = readBytes(fields[0])
  record.outlivesBrowser = fields[COLUMNS.length] === '1'
  record.subject = readText(fields[COLUMNS.length + 1])
  return record
}

function writeValue (value) {
  switch (typeof value) {
    case 'bigint':
      return 'i' + value
    case 'boolean':
      return value.toString()
    case 'string':
      return 't' + Buffer.from(value, 'utf8').toString('hex')
    default:
      return 'b' + Buffer.from(value).toString('hex')
  }
}

function readValue (field) {
  if (field === 'true' || field === 'false') return field === 'true'
  const rest = field.slice(1)
  if (field[0] === 'i') return BigInt(rest)
  const bytes = Buffer.from(rest, 'hex')
  return field[0] === 't' ? bytes.toString('utf8') : new Uint8Array(bytes)
}

export function writeVariablesField (variables) {
  const parts = [...variables].map(([name, value]) =>
    Buffer.from(name, 'utf8').toString('hex') + '=' + writeValue(value))
  return parts.length > 0 ? parts.join(' ') : '-'
}

export function readVariablesField (field) {
  const parts = field === '-' ? [] : field.split(' ')
  return new Map(parts.map((part) => {
    const [name, value] = part.split('=')
    return [Buffer.from(name, 'hex').toString('utf8'), readValue(value)]
  }))
}
