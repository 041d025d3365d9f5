// The tab's own eyes: a test can only fail on what its tab notices.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { browser, Tab } from './browser.mjs';
import { run, until } from './world.mjs';

test('a tab notices what is wrong with a page', async () => {
  const tab = await Tab.open({ width: 360 });
  await tab.page.goto(run.consoleUrl);
  await tab.page.evaluate(async () => {
    console.error('said to the console');
    console.warn('warned of');
    setTimeout(() => { throw new Error('thrown later'); });
    document.head.append(Object.assign(document.createElement('style'), { textContent: 'b {}' }));
    await fetch('../v1/webhooks');
    const wide = document.createElement('button');
    wide.style.width = '2000px';
    document.body.append(wide);
  });
  await tab.fits('a wide page');
  await tab.axe('a nameless button');
  const another = tab.page.waitForEvent('requestfailed');
  await tab.page.route('https://example.com/', (route) => route.abort('failed'));
  await tab.page.evaluate(() => { location.href = 'https://example.com/'; });
  await another;
  for (const pattern of [
    /^console error: said to the console/, /^console warning: warned of/, /thrown later/,
    /^content security policy: style-src/, /GET .*\/v1\/webhooks 401/, /a wide page: .* at 360 px/,
    /axe, a nameless button, light: button-name/, /axe, a nameless button, dark: button-name/,
    /to another host: https:\/\/example\.com/, /GET \/ net::ERR_FAILED/,
  ]) {
    await until(`noticed ${pattern}`, () => tab.problems.some((p) => pattern.test(p)), 5000)
      .catch((error) => assert.fail(`${error.message}; noticed: ${tab.problems.join('\n')}`));
  }
  tab.expects(/GET never 500/);
  assert.match((await tab.done()).at(-1), /no problem like .*never/);
});

after(async () => { await (await browser()).close(); });
