// The life of a session as users of browsers see it: tabs, profiles, restarts, signing out, expiry.
import { equals, heading, part, pause, report, signIn, signOut, submit, text, whoami }
  from './support.mjs'

async function tabsAndWindows (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  const second = await ada.tab()
  const [third] = await Promise.all([ada.context.waitForEvent('page'),
    tab.evaluate(() => { window.open('/whoami', '', 'popup,width=500,height=400') })])
  await third.waitForLoadState()
  const { id } = await whoami(tab, home)
  equals('a second tab has the same session', id, (await whoami(second, home)).id)
  report(await windowOf(ada, tab) !== await windowOf(ada, third), 'a window is one of its own')
  equals('and has the same session', id, (await whoami(third, home)).id)
  await signOut(await signedInPage(second, home))
  equals('signing out in one tab signs out the other', '', (await whoami(tab, home)).subject)
  equals('and the window', '', (await whoami(third, home)).subject)
  await tab.goto(home)
  equals('where the page says that nobody is signed in', 'Nobody is signed in', await heading(tab))
}

async function windowOf (profile, page) {
  const devtools = await profile.context.newCDPSession(page)
  return (await devtools.send('Browser.getWindowForTarget')).windowId
}

async function signedInPage (page, home) {
  await page.goto(home)
  return page
}

// A form of a page from before somebody signed out elsewhere.
async function aStaleTab (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  const stale = await signedInPage(await ada.tab(), home)
  await signOut(tab)
  await signIn(tab, home, 'bob')
  await stale.fill('#add-name', 'whose')
  await submit(stale, '#add button')
  equals('a form from before another user signed in is refused', 'The form is not of this session',
    await heading(stale))
  await tab.goto(home)
  equals('and changes nothing of the other user', 0,
    await tab.locator('#variables th:text("whose")').count())
}

async function twoProfiles (ada, bob, home) {
  const [one, other] = [await ada.afresh(), await bob.afresh()]
  await signIn(one, home, 'ada')
  equals('another profile is not signed in', 'none', (await whoami(other, home)).verdict)
  await signIn(other, home, 'bob')
  equals('two profiles have two users', 'ada bob',
    (await whoami(one, home)).subject + ' ' + (await whoami(other, home)).subject)
  await signOut(await signedInPage(other, home))
  equals('signing out in one leaves the other alone', 'ada', (await whoami(one, home)).subject)
}

async function everywhere (ada, bob, home) {
  const [one, other] = [await ada.afresh(), await bob.afresh()]
  await signIn(one, home, 'ada')
  await signIn(other, home, 'ada')
  report((await whoami(one, home)).id !== (await whoami(other, home)).id,
    'a user has a session in each profile')
  await submit(await signedInPage(one, home), '#logout-everywhere button')
  await other.goto(home)
  equals('signing out everywhere reaches the other profile', 'Nobody is signed in',
    await heading(other))
  equals('which is told so', 'revoked', await text(other, '#verdict'))
}

async function clearedCookies (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  equals('a user is signed in', 'ada', (await whoami(tab, home)).subject)
  await ada.context.clearCookies()
  equals('without the cookies nobody is', 'none', (await whoami(tab, home)).verdict)
}

async function restarts (ada, home) {
  await signIn(await ada.afresh(), home, 'ada')
  await signIn(await ada.tab(), home + '2/', 'bob', true)
  equals('the cookie of a session until the browser closes has no end', -1,
    (await ada.cookie('wafer-demo', home)).expires)
  report((await ada.cookie('wafer-demo-2', home)).expires > Date.now() / 1000,
    'that of a lasting one has')
  await ada.restart()
  const tab = await ada.tab()
  equals('a restart of the browser ends the one session', 'none', (await whoami(tab, home)).verdict)
  equals('but not the lasting one', 'bob', (await whoami(tab, home + '2/')).subject)
}

async function copies (ada, bob, home) {
  const [victim, thief] = [await ada.afresh(), await bob.afresh()]
  await signIn(victim, home, 'ada')
  const stolen = await ada.cookie('wafer-demo', home)
  await bob.context.addCookies([stolen])
  equals('a copied cookie is the session', 'ada', (await whoami(thief, home)).subject)
  await signOut(victim)
  equals('after signing out the copy is refused', 'revoked', (await whoami(thief, home)).verdict)
  equals('and is nobody', '', (await whoami(thief, home)).subject)
  await ada.context.addCookies([stolen])
  await victim.goto(home)
  equals('even in the browser that it is from', 'revoked', await text(victim, '#verdict'))
  report((await text(victim, '#happened')).includes('Please sign in again'),
    'whose page asks to sign in again')
}

// The pair of a cookie on the page that shows what came: its verdict, "none" if it did not come.
async function verdictOfPair (page, home, name) {
  await page.goto(home + 'cookies')
  const pair = page.locator('.pair', { has: page.locator(`.name:text-is("${name}")`) })
  return await pair.count() === 0 ? 'none' : pair.locator('.verdict').textContent()
}

async function idleEnds (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  equals('a session with an idle limit of two seconds is valid at first', 'valid',
    await verdictOfPair(tab, home, 'wafer-demo'))
  await pause(2300)
  equals('unused for longer it has ended, though the browser still sends the cookie', 'idle',
    await verdictOfPair(tab, home, 'wafer-demo'))
  await tab.goto(home)
  report((await text(tab, '#happened')).includes('away for too long'), 'and the page says why')
}

async function itsTimeEnds (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada')
  const began = Date.now()
  equals('a session of three seconds is valid at first', 'valid',
    await verdictOfPair(tab, home, 'wafer-demo'))
  while (Date.now() - began < 3100) {
    await whoami(tab, home)
    await pause(200)
  }
  equals('used all the time it has ended then, though the browser still sends the cookie',
    'expired', await verdictOfPair(tab, home, 'wafer-demo'))
  await tab.goto(home)
  report((await text(tab, '#happened')).includes('has reached its end'), 'and the page says so')
}

// Who sets the clock of the browser back, or changes the date of a cookie, gains nothing.
async function theBrowserIsNotAsked (ada, home) {
  const tab = await ada.afresh()
  await signIn(tab, home, 'ada', true)
  const cookie = await ada.cookie('wafer-demo', home)
  report(cookie.expires < Date.now() / 1000 + 10, 'a lasting cookie ends in the browser, too')
  await ada.context.addCookies([{ ...cookie, expires: Date.now() / 1000 + 86400 }])
  await pause(3200)
  equals('a cookie that the browser keeps for longer is refused', 'expired',
    (await whoami(tab, home)).verdict)
}

async function severalAccounts (ada, home) {
  const tab = await ada.afresh()
  for (const [base, user] of [['', 'ada'], ['2/', 'bob'], ['3/', 'carol']]) {
    await signIn(tab, home + base, user)
  }
  equals('three accounts are in one browser', 'ada bob carol',
    (await tab.locator('#accounts .who').allTextContents()).join(' '))
  await Promise.all([tab.waitForEvent('load'), tab.click('#account-2')])
  equals('the switcher leads to another', 'bob is signed in', await heading(tab))
  await signOut(tab)
  equals('signing out of one leaves the others', 'ada nobody carol',
    (await tab.locator('#accounts .who').allTextContents()).join(' '))
}

export async function sessions ({ plain, idle, absolute, ada, bob }) {
  await part('tabs and windows', () => tabsAndWindows(ada, plain))
  await part('a stale tab', () => aStaleTab(ada, plain))
  await part('two profiles', () => twoProfiles(ada, bob, plain))
  await part('signing out everywhere', () => everywhere(ada, bob, plain))
  await part('cleared cookies', () => clearedCookies(ada, plain))
  await part('copies', () => copies(ada, bob, plain))
  await part('an idle limit', () => idleEnds(ada, idle))
  await part('an end', () => itsTimeEnds(ada, absolute))
  await part('an end that the browser ignores', () => theBrowserIsNotAsked(ada, absolute))
  await part('several accounts', () => severalAccounts(ada, plain))
  await part('restarts', () => restarts(ada, plain))
}
