// Every page at the width of a desktop and of a phone, dark and light: it fits, nothing complains,
// and a picture of it goes to a folder.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DESKTOP, equals, operatorIn, part, PHONE, signIn, submit } from './support.mjs'

const LOOKS = [['desktop-light', DESKTOP, 'light'], ['desktop-dark', DESKTOP, 'dark'],
  ['phone-light', PHONE, 'light'], ['phone-dark', PHONE, 'dark']]

// What the browser complains of: errors of scripts, violations of the content security policy,
// files that do not come. That the page of an error is one is no complaint.
function listen (page, complaints) {
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('requestfailed', (request) => complaints.push(`${request.url()} did not come`))
  page.on('console', (message) => {
    const expected = message.location().url === page.url() &&
      message.text().startsWith('Failed to load resource') && page.url().endsWith('/nothing')
    if (['error', 'warning'].includes(message.type()) && !expected) complaints.push(message.text())
  })
}

// How wide the page is, if that is more than the window, and what sticks out, be it text alone.
function tooWide () {
  const width = document.documentElement.clientWidth
  const most = document.documentElement.scrollWidth
  if (most <= width) return ''
  const out = [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().left + element.scrollWidth > width)
    .map((element) => element.tagName + '#' + element.id + '.' + element.className)
  return `${most} instead of ${width}: ${out.join(' ')}`
}

async function look (tab, name, folder, wide) {
  for (const [kind, viewport, colorScheme] of LOOKS) {
    await tab.setViewportSize(viewport)
    await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const sticking = await tab.evaluate(tooWide)
    if (sticking !== '') wide.push(`${name}: ${sticking}`)
    await tab.screenshot({ path: join(folder, `${name}-${kind}.png`), fullPage: true })
  }
  await tab.setViewportSize(DESKTOP)
}

async function fill (tab, home) {
  const long = 'x'.repeat(60)
  for (const [name, type, value] of [['note', 'text', `tea for two\n${long.repeat(4)}`],
    [`a_name_that_is_rather_long_${long}`, 'bytes', '00ff'.repeat(20)],
    ['cups', 'integer', '9223372036854775807'], ['hot', 'boolean', 'true']]) {
    await tab.fill('#add-name', name)
    await tab.selectOption('#add-type', type)
    await tab.fill('#add-value', value)
    await submit(tab, '#add button')
  }
}

async function walk (ada, { plain, password }, folder, wide, complaints) {
  const tab = await ada.afresh()
  const devtools = await ada.context.newCDPSession(tab)
  await devtools.send('Emulation.setScrollbarsHidden', { hidden: true }) // as on phones
  listen(tab, complaints)
  const go = async (name, path) => {
    await tab.goto(plain + path)
    await look(tab, name, folder, wide)
  }
  await go('home-nobody', '')
  await signIn(tab, plain, 'ada')
  await fill(tab, plain)
  await signIn(tab, plain + '2/', `someone.with.a.long.name.${'y'.repeat(40)}@wafer.example`)
  await go('home-long-user', '2/')
  await go('home-variables', '')
  await go('token', 'token')
  await go('cookies', 'cookies')
  await go('operator-login', 'operator')
  await operatorIn(tab, plain, password)
  await tab.fill('#subject', 'eve')
  await submit(tab, '#revoke-subject button')
  await submit(tab, '#rotate button')
  await look(tab, 'operator', folder, wide)
  await go('error', 'nothing')
}

export async function screens (world, folder) {
  const wide = []
  const complaints = []
  mkdirSync(folder, { recursive: true })
  await part('pages at all widths', async () => {
    await walk(world.ada, world, folder, wide, complaints)
    equals('no page scrolls sideways, on a desktop or on a phone 360 pixels wide', '',
      wide.join('\n'))
    equals('no page makes the browser complain: no error, no violation of its policy', '',
      complaints.join('\n'))
  })
}
