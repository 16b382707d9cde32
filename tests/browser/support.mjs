// What the checks in a browser share: profiles, people who use the demo, and the report.
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

// With these the browser asks nothing of any network but what a page asks for.
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync']
const PATIENCE_MS = 15000
export const DESKTOP = { width: 1200, height: 900 }
export const PHONE = { width: 360, height: 740 }

// ---- The report ----

let failed = 0

export function report (good, sentence, ...why) {
  console.log((good ? 'ok - ' : 'not ok - ') + sentence)
  if (!good) {
    failed++
    why.forEach((line) => console.log('#   ' + String(line).split('\n').join('\n#   ')))
  }
}

export function equals (sentence, expected, actual) {
  report(expected === actual, sentence,
    `expected ${JSON.stringify(expected)} but got ${JSON.stringify(actual)}`)
}

// Checks that belong together; one that cannot go on leaves the others alone.
export async function part (name, action) {
  try {
    await action()
  } catch (error) {
    report(false, `${name}: every step can be done`, error.stack)
  }
}

export const failures = () => failed

// ---- Profiles ----

// A browser with a user data folder of its own, which can be closed and started again.
export class Profile {
  static async start (folder, options = {}) {
    const profile = new Profile()
    profile.folder = mkdtempSync(join(folder, 'profile-'))
    profile.options = options
    await profile.open()
    return profile
  }

  // Without the library's own flags, some of which change what a browser does.
  async open () {
    this.context = await chromium.launchPersistentContext(this.folder, {
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      ignoreDefaultArgs: true,
      args: [...FLAGS, `--user-data-dir=${this.folder}`, '--remote-debugging-pipe', 'about:blank'],
      env: { ...process.env, HOME: this.folder },
      ignoreHTTPSErrors: true, // the certificate is made for the test
      viewport: DESKTOP,
      ...this.options
    })
    this.context.setDefaultTimeout(PATIENCE_MS)
  }

  async restart () {
    await this.context.close()
    await this.open()
  }

  close () {
    return this.context.close()
  }

  tab () {
    return this.context.newPage()
  }

  // A tab in a profile that has no cookies.
  async afresh () {
    await this.context.clearCookies()
    for (const page of this.context.pages().slice(1)) await page.close()
    return this.tab()
  }

  async cookie (name, url) {
    return (await this.context.cookies(url)).find((cookie) => cookie.name === name)
  }
}

// ---- People ----

export async function signIn (page, home, user, remember = false) {
  await page.goto(home)
  await page.fill('#user', user)
  if (remember) await page.check('#remember')
  await submit(page, '#login button')
}

// Presses a button of a form and waits for the page that comes.
export async function submit (page, button) {
  await Promise.all([page.waitForEvent('load'), page.click(button)])
}

export async function operatorIn (page, home, password) {
  await page.goto(home + 'operator')
  await page.fill('#password', password)
  await submit(page, '#login button')
}

export const signOut = (page) => submit(page, '#logout button')
export const heading = (page) => page.textContent('h1')
export const text = (page, selector) => page.textContent(selector)

// What the server takes the browser for, by its page for programs.
export async function whoami (page, home) {
  const answer = await (await page.goto(home + 'whoami')).text()
  return Object.fromEntries(answer.split('\n').filter((line) => line.includes(': '))
    .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]))
}

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds))
