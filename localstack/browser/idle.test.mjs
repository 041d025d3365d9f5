// A tab that is forgotten, or whose session has ended: it asks for nothing until somebody comes back.
import assert from 'node:assert/strict';
import { consoleTest } from './harness.mjs';
import { until } from './world.mjs';

consoleTest('a tab that nobody touches for ten minutes stops asking, and goes on when somebody does', async ({ tab, page, partner, endpoint }) => {
  const hook = await partner.hook(endpoint);
  let asked = 0;
  page.on('request', (r) => { asked += r.url().includes('/v1/') ? 1 : 0; });
  await page.clock.install();
  await tab.enter(partner, `#/webhooks/${hook.id}/logs`);
  await tab.sees(/No deliveries|Nothing/);
  const before = asked;
  await until('the log is followed', async () => {
    await page.clock.runFor(5_000);
    return asked > before + 1;
  });

  await page.clock.fastForward(11 * 60_000);
  await page.clock.runFor(20_000);
  await page.waitForLoadState('networkidle');
  const idle = asked;
  await page.clock.runFor(10 * 60_000);
  await page.waitForLoadState('networkidle');
  assert.equal(asked, idle);

  await page.mouse.move(50, 50);
  await until('it is followed again', async () => {
    await page.clock.runFor(1_000);
    return asked > idle;
  });
});

consoleTest('a page whose session has ended asks for nothing until there is another', async ({ tab, page, partner, endpoint }) => {
  tab.expects(/ 401$/);
  await partner.hook(endpoint);
  await page.clock.install();
  await tab.enter(partner);
  await tab.link(/^View logs of/).first().waitFor();
  let asked = 0;
  await page.route(/\/v1\//, (route) => {
    asked += 1;
    return route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"title":"Unauthorized","status":401}' });
  });
  const dialog = tab.dialog('Your session has ended');
  await until('the session has ended', async () => {
    await page.clock.runFor(10_000);
    return dialog.isVisible();
  });
  await tab.button('Not now', dialog).click();
  await tab.sees('Your session has ended. Nothing can be loaded');
  await page.waitForLoadState('networkidle');
  const before = asked;
  await page.clock.runFor(5 * 60_000);
  await page.waitForLoadState('networkidle');
  assert.equal(asked, before);

  await page.unrouteAll();
  await page.evaluate((to) => { location.href = to; }, (await partner.session()).url);
  const answered = page.waitForResponse((r) => r.url().includes('/v1/webhooks') && r.ok());
  await page.clock.runFor(60_000);
  await answered;
});
