// What the browser guards because the server tells it to, and what the server guards by itself.
import { createServer } from 'node:http'
import { equals, heading, operatorIn, part, report, signIn, signOut, submit, text, whoami }
  from './support.mjs'

// ---- Another site ----

// A server with one page, whose form or link goes to the demo as soon as it is loaded. The same
// server is of the demo's site as 127.0.0.1 and of another one as localhost.
async function otherServer (page) {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end('<!doctype html><title>Win a prize</title>' + page)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}

const formTo = (action) => `<form id="f" method="post" action="${action}">` +
  '<input name="name" value="planted"><input name="type" value="text">' +
  '<input name="value" value="x"></form><script>document.getElementById("f").submit()</script>'
const linkTo = (address) =>
  `<a id="a" href="${address}">x</a><script>document.getElementById("a").click()</script>`

// Sends the browser from a page of host to the demo and tells the names of the cookies that it
// took along.
async function comeFrom (host, page, tab) {
  const server = await otherServer(page)
  try {
    const start = `http://${host}:${server.address().port}/`
    const arrival = tab.waitForRequest((request) =>
      request.isNavigationRequest() && request.url() !== start)
    await tab.goto(start, { waitUntil: 'commit' })
    const request = await arrival
    await tab.waitForURL((address) => address.href !== start)
    const field = (await request.allHeaders()).cookie ?? ''
    return field.split('; ').map((pair) => pair.split('=')[0]).filter((name) => name !== '').sort()
      .join(' ')
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const planted = (tab) => tab.locator('#variables th:text("planted")').count()

async function otherSites (ada, home, password) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  await operatorIn(tab, home, password)

  equals('a form of another site brings no cookie along', '',
    await comeFrom('localhost', formTo(home + 'put'), tab))
  equals('and is refused', '403', await text(tab, '.status'))
  equals('as nobody\'s', 'nobody', await text(tab, '#account-1 .who'))
  await tab.goto(home)
  equals('the user stays signed in', 'ada is signed in', await heading(tab))
  equals('and nothing was planted', 0, await planted(tab))

  equals('a form of another port of the same site brings the cookie along', 'wafer-demo',
    await comeFrom('127.0.0.1', formTo(home + 'put'), tab))
  equals('and is refused, because the CSRF token is missing', 'The form is not of this session',
    await heading(tab))
  equals('though it is the user\'s', 'ada', await text(tab, '#account-1 .who'))
  await tab.goto(home)
  equals('here, too, nothing was planted', 0, await planted(tab))
  equals('a form that signs out is refused as well', 'The form is not of this session',
    (await comeFrom('127.0.0.1', formTo(home + 'logout'), tab), await heading(tab)))
  equals('so the user is still there', 'ada', (await whoami(tab, home)).subject)

  equals('a link of another site brings the cookie along, so that the user is known',
    'wafer-demo', await comeFrom('localhost', linkTo(home), tab))
  equals('but not the operator\'s', 'wafer-demo',
    await comeFrom('localhost', linkTo(home + 'operator'), tab))
  equals('who is asked for the password', 1, await tab.locator('#password').count())
}

// A page of the other site that asks in the background, with the user's cookies if it may.
async function requestsInTheBackground (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  const server = await otherServer('')
  await tab.goto(`http://localhost:${server.address().port}/`)
  const answer = await tab.evaluate(async (address) => {
    try {
      return await (await fetch(address, { credentials: 'include' })).text()
    } catch {
      return 'kept back'
    }
  }, home + 'whoami')
  equals('a script of another site cannot read the session', 'kept back', answer)
  await tab.evaluate((address) => new Promise((resolve) => {
    const frame = document.createElement('iframe')
    frame.onload = resolve
    frame.src = address
    document.body.append(frame)
  }), home)
  equals('nor put the page into a frame', 0, await tab.frames()[1].locator('.brand').count())
  server.closeAllConnections()
  server.close()
}

// ---- Scripts ----

async function scripts (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  await tab.evaluate(() => { document.cookie = 'theme=dark; path=/' })
  equals('a script sees other cookies, but not the session', 'theme=dark',
    await tab.evaluate(() => document.cookie))
  report((await ada.cookie('wafer-demo', home)).httpOnly, 'which is HttpOnly')
  await tab.evaluate(() => { document.cookie = 'wafer-demo=planted; path=/' })
  equals('nor can it overwrite the session', 'ada', (await whoami(tab, home)).subject)
}

async function forms (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  await tab.fill('#add-name', 'planted')
  await tab.evaluate(() => document.querySelector('#add [name=csrf]').remove())
  await submit(tab, '#add button')
  equals('a form without the CSRF token is refused', '403', await text(tab, '.status'))
  await tab.goto(home)
  await tab.fill('#add-name', 'planted')
  await tab.evaluate(() => {
    const field = document.querySelector('#add [name=csrf]')
    field.value = 'A'.repeat(field.value.length)
  })
  await submit(tab, '#add button')
  equals('so is one with a wrong token', '403', await text(tab, '.status'))
  await tab.goto(home)
  equals('neither changed anything', 0, await planted(tab))
}

// ---- TLS ----

async function overTls (ada, home) {
  const name = '__Host-wafer-demo'
  const tab = await ada.afresh()
  const [answer] = await Promise.all([
    tab.waitForResponse((response) => response.request().method() === 'POST'),
    signIn(tab, home, 'ada')])
  const cookie = await ada.cookie(name, home)
  report(cookie !== undefined, 'over https the browser takes the cookie under a __Host- name')
  equals('which is of this host, over https only, for all paths, hidden from scripts',
    'localhost / true true Lax',
    [cookie.domain, cookie.path, cookie.secure, cookie.httpOnly, cookie.sameSite].join(' '))
  const line = await answer.headerValue('set-cookie')
  report(/; Path=\/; Secure; HttpOnly; SameSite=Lax/.test(line) && !/Domain/i.test(line),
    'because the server says so, without a Domain', line)
  equals('the session is valid', 'ada', (await whoami(tab, home)).subject)
  await tab.evaluate((planted) => {
    document.cookie = `${planted}=planted; Secure; Path=/; Domain=localhost`
    document.cookie = `${planted}=planted; Secure; Path=/whoami`
    document.cookie = `${planted}=planted; Path=/`
  }, name)
  equals('nobody plants another one of the name', 1,
    (await ada.context.cookies(home + 'whoami')).filter((one) => one.name === name).length)
  await tab.goto(home)
  await signOut(tab)
  await ada.context.addCookies([cookie])
  equals('after signing out a copy is refused', 'revoked', (await whoami(tab, home)).verdict)
}

export async function guards ({ plain, tls, password, ada }) {
  await part('scripts', () => scripts(ada, plain))
  await part('forms', () => forms(ada, plain))
  await part('other sites', () => otherSites(ada, plain, password))
  await part('requests in the background', () => requestsInTheBackground(ada, plain))
  await part('https', () => overTls(ada, tls))
}
