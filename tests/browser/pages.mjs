// What can be done on the pages, with scripts and without, by mouse and by keyboard.
import { equals, heading, operatorIn, part, report, signIn, submit, text, whoami }
  from './support.mjs'

// ---- Variables ----

const rowOf = (name) => `#variables tr:has(th:text-is("${name}"))`

async function add (tab, name, type, value) {
  await tab.fill('#add-name', name)
  await tab.selectOption('#add-type', type)
  await tab.fill('#add-value', value)
  await submit(tab, '#add button')
}

async function variables (profile, home, how) {
  const tab = await profile.afresh()
  await signIn(tab, home, 'ada')
  await add(tab, 'tea', 'text', 'two\n  <lumps> & "milk"')
  equals(`${how} a text is added, as it is`, 'two\n  <lumps> & "milk"',
    await tab.inputValue(`${rowOf('tea')} textarea`))
  await add(tab, 'cups', 'integer', '3')
  await tab.fill(`${rowOf('cups')} [name=value]`, '-4')
  await submit(tab, `${rowOf('cups')} button:text("Save")`)
  equals(`${how} an integer is changed`, '-4',
    await tab.inputValue(`${rowOf('cups')} [name=value]`))
  await add(tab, 'hot', 'boolean', 'true')
  await tab.selectOption(`${rowOf('hot')} select`, 'false')
  await submit(tab, `${rowOf('hot')} button:text("Save")`)
  equals(`${how} a boolean is changed`, 'false', await tab.inputValue(`${rowOf('hot')} select`))
  await submit(tab, `${rowOf('cups')} button:text("Remove")`)
  equals(`${how} a variable is removed`, 0, await tab.locator(rowOf('cups')).count())
  equals(`${how} the others stay`, 2,
    await tab.locator(`${rowOf('tea')}, ${rowOf('hot')}`).count())
  await add(tab, 'cups', 'integer', 'many')
  equals(`${how} a value that does not fit is refused`, 'The value does not fit the type',
    await heading(tab))
  await tab.goto(home)
  await add(tab, 'tea', 'text', 'x'.repeat(2900))
  equals(`${how} one that is too large is refused, too`, 'Too large for a cookie',
    await heading(tab))
  await tab.goto(home)
  equals(`${how} nothing was lost by that`, 'two\n  <lumps> & "milk"',
    await tab.inputValue(`${rowOf('tea')} textarea`))
}

// ---- Bars and addresses ----

async function whatTheScriptDoes (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  equals('the address does not keep what the last form sent', home, tab.url())
  const left = await tab.locator('#idle-bar').evaluate((bar) => bar.value)
  await tab.waitForFunction((before) =>
    document.getElementById('idle-bar').value < before - 900, left)
  report(/^29 min \d+ s$/.test(await text(tab, '#idle-left')),
    'the bars run, and so do their words')
  await tab.goto(home + 'token')
  await tab.hover('#token .part-nonce')
  equals('a part of the token that is pointed at is marked wherever it is shown', 3,
    await tab.locator('.part-nonce.lit, tr.lit').count())
}

// ---- The operator ----

async function theOperator (ada, bob, home, password) {
  const [chief, user] = [await ada.afresh(), await bob.afresh()]
  await operatorIn(chief, home, 'a wrong guess')
  equals('a wrong password is refused', '403', await text(chief, '.status'))
  await chief.goto(home + 'operator')
  equals('and the page still asks for it', 1, await chief.locator('#password').count())
  await operatorIn(chief, home, password)
  equals('the right one leads to the list', 1, await chief.locator('#entries').count())

  await signIn(user, home, 'bob')
  const { id } = await whoami(user, home)
  await user.goto(home)
  await chief.fill('#id', id)
  await submit(chief, '#revoke-session button')
  report((await text(chief, '#done')).includes('on the list'), 'a session is revoked by its id')
  report((await chief.locator('#entries code').allTextContents()).includes(id), 'and is listed')
  await user.reload()
  equals('the user\'s tab is signed out', 'Nobody is signed in', await heading(user))
  equals('and says why', 'revoked', await text(user, '#verdict'))
  await keysAreRotated(ada, bob, chief, user, home)
}

const keyOf = async (profile, home) => (await profile.cookie('wafer-demo', home)).value.slice(0, 6)

async function keysAreRotated (ada, bob, chief, user, home) {
  await signIn(user, home, 'bob')
  const before = await keyOf(bob, home)
  const keys = await chief.locator('#keys .key').count()
  await submit(chief, '#rotate button')
  equals('keys are rotated while the server runs', keys + 1,
    await chief.locator('#keys .key').count())
  equals('and the operator stays signed in', 1, await chief.locator('#entries').count())
  await user.goto(home)
  equals('so does the user', 'bob is signed in', await heading(user))
  report(before !== await keyOf(bob, home), 'whose cookie is sealed under the new key')
  await submit(chief, '.key.opens button')
  equals('the old key is retired', keys, await chief.locator('#keys .key').count())
  await user.goto(home)
  equals('and the user stays signed in even so', 'bob is signed in', await heading(user))
}

// ---- The page of cookies ----

async function cookiesThatCame (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  await ada.context.addCookies([{ name: 'theme', value: 'dark', url: home },
    { name: 'wafer-demo-2', value: 'garbage', url: home }])
  const [answer] = await Promise.all([tab.waitForResponse(home + 'cookies'),
    tab.goto(home + 'cookies')])
  const sent = (await answer.request().allHeaders()).cookie
  equals('the page shows the line that the browser sent', sent,
    await text(tab, '.line > .token'))
  equals('each cookie with its name', 'theme wafer-demo wafer-demo-2',
    (await tab.locator('.pair .name').allTextContents()).sort().join(' '))
  equals('those of the demo with their verdicts', 'rejected valid',
    (await tab.locator('.pair .verdict').allTextContents()).sort().join(' '))
}

// ---- The keyboard ----

const focused = (tab) => tab.evaluate(() => {
  const element = document.activeElement
  return element.id || element.textContent.trim().split('\n')[0]
})

async function byKeyboard (ada, home) {
  const tab = await ada.afresh()
  await tab.goto(home)
  await tab.keyboard.press('Tab')
  const skip = await tab.locator('.skip').boundingBox()
  report(await focused(tab) === 'Skip to the content' && skip.x >= 0 && skip.y >= 0,
    'the first stop of the tabulator leads past the navigation, and can be seen')
  const stops = []
  for (let stop = 0; stop < 13; stop++) {
    await tab.keyboard.press('Tab')
    stops.push(await focused(tab))
  }
  equals('then it stops at the pages, the accounts, and the form',
    'Wafer demo Session Token Cookies Operator account-1 account-2 account-3 ' +
    'user lasts remember Sign in', stops.slice(0, 12).join(' '))
  await tab.focus('.skip')
  await tab.keyboard.press('Enter')
  await tab.keyboard.press('Tab')
  equals('past the navigation the form comes first', 'user', await focused(tab))
  await tab.keyboard.type('ada')
  await Promise.all([tab.waitForEvent('load'), tab.keyboard.press('Enter')])
  equals('Enter signs in', 'ada is signed in', await heading(tab))
  const outline = await tab.evaluate(() => {
    document.querySelector('#logout button').focus({ focusVisible: true })
    return getComputedStyle(document.activeElement).outlineStyle
  })
  equals('what has the focus has an outline', 'solid', outline)
}

export async function pages ({ plain, password, ada, bob, scriptless }) {
  await part('variables', () => variables(ada, plain, 'with scripts'))
  await part('variables without scripts', () => variables(scriptless, plain, 'without scripts'))
  await part('what the script does', () => whatTheScriptDoes(ada, plain))
  await part('the cookies that came', () => cookiesThatCame(ada, plain))
  await part('the keyboard', () => byKeyboard(ada, plain))
  await part('the operator', () => theOperator(ada, bob, plain, password))
}
