// Checks in a browser what the documentation says of sessions:
//
//     node checks.mjs PROFILES SCREENS PASSWORD NAME=ADDRESS...
//
// PROFILES is an empty folder for user data, SCREENS one for pictures, PASSWORD the operator's. The
// servers are plain (http), idle (sessions idle out after two seconds), absolute (they end after
// three) and tls (https). Prints "ok - SENTENCE" or "not ok - SENTENCE" for each check; exit status
// 1 if one is not ok. CHROMIUM in the environment is the browser.
import { guards } from './guards.mjs'
import { pages } from './pages.mjs'
import { screens } from './screens.mjs'
import { sessions } from './sessions.mjs'
import { failures, Profile } from './support.mjs'

const [profiles, pictures, password, ...servers] = process.argv.slice(2)
const world = {
  password,
  ...Object.fromEntries(servers.map((server) => server.split(/=(.*)/).slice(0, 2))),
  ada: await Profile.start(profiles),
  bob: await Profile.start(profiles),
  scriptless: await Profile.start(profiles, { javaScriptEnabled: false })
}

try {
  await guards(world)
  await pages(world)
  await screens(world, pictures)
  await sessions(world)
} finally {
  for (const profile of [world.ada, world.bob, world.scriptless]) await profile.close()
}
process.exitCode = failures() === 0 ? 0 : 1
