// The log: it follows what happens, is filtered and paged, and a delivery is found out about and sent again.
import assert from 'node:assert/strict';
import { consoleTest, steps } from './harness.mjs';
import { until } from './world.mjs';

const rows = (page) => page.getByRole('table', { name: /^Deliveries/ }).getByRole('row');
const row = (page, verification) => rows(page).filter({ hasText: verification });

/** records writes many records, some at a time. */
async function records(partner, n, status) {
  const ids = [];
  for (let i = 0; i < n; i += 10) {
    ids.push(...await Promise.all(Array.from({ length: Math.min(10, n - i) }, () => partner.record(status))));
  }
  return ids;
}

consoleTest('the log follows what happens', async ({ t, tab, page, partner, endpoint }) => {
  const step = steps(t);
  const hook = await partner.hook(endpoint);
  await page.clock.install();
  await tab.enter(partner, `#/webhooks/${hook.id}/logs`);
  await step('an empty one leads to the test', async () => {
    await tab.heading('No deliveries yet').waitFor();
    await tab.link('Send a test').waitFor();
  });

  let failing;
  await step('a delivery appears and changes by itself', async () => {
    endpoint.answers(503);
    failing = await partner.record();
    await row(page, failing).filter({ hasText: 'Pending' }).filter({ hasText: 'HTTP 503' }).getByText(/^in \d+ s$/).waitFor();
    endpoint.answers(200);
    await row(page, failing).filter({ hasText: 'Delivered' }).filter({ hasText: 'HTTP 200' }).waitFor({ timeout: 25_000 });
  });

  await step('nothing moves while one reads further down', async () => {
    await records(partner, 30, 'FAILED');
    await until('all are shown', async () => await rows(page).count() === 1 + 31);
    await rows(page).last().scrollIntoViewIfNeeded();
    const before = await rows(page).last().boundingBox();
    const late = await partner.record();
    const news = tab.button('1 new');
    await news.waitFor();
    assert.equal(await rows(page).count(), 1 + 31);
    assert.deepEqual(await rows(page).last().boundingBox(), before);
    await news.click();
    await row(page, late).waitFor();
    assert.ok(await rows(page).nth(1).filter({ hasText: late }).isVisible());
  });

  await step('a log that is paused stays as it is', async () => {
    let asked = 0;
    let answered = 0;
    const ours = (r) => (r.url().includes('/deliveries') ? 1 : 0);
    page.on('request', (r) => { asked += ours(r); });
    page.on('requestfinished', (r) => { answered += ours(r); });
    await page.clock.runFor(20_000);
    await until('it asks by itself', () => asked > 0);
    await page.getByRole('switch', { name: 'Live updates' }).click();
    await until('the last answer has come', () => answered >= asked);
    asked = 0;
    for (let i = 0; i < 10; i += 1) {
      await page.clock.runFor(10_000);
    }
    const late = await partner.record();
    await until('it arrived', () => endpoint.of(late).length > 0);
    await tab.go(`#/webhooks/${hook.id}/logs?state=delivered`);
    await row(page, late).waitFor();
    assert.equal(asked, 1, 'only the other filter asks');
  });
});

consoleTest('a long log is filtered and paged', async ({ t, tab, page, partner, endpoint }) => {
  const step = steps(t);
  const hook = await partner.hook(endpoint);
  const ids = await records(partner, 120, 'FAILED');
  await partner.record('EXPIRED');
  await until('all have arrived', () => endpoint.requests.length >= 121, 60_000);
  await tab.enter(partner, `#/webhooks/${hook.id}/logs`);

  await step('older ones come when the end is near, each once', async () => {
    await until('all are there', async () => {
      await rows(page).last().scrollIntoViewIfNeeded();
      return await rows(page).count() === 1 + 121;
    });
    await tab.sees(/That is all: 121 deliveries/);
    const shown = await rows(page).getByRole('link').evaluateAll((all) => all.map((a) => a.getAttribute('href')));
    assert.equal(new Set(shown).size, 121);
  });

  await step('one comes back from a delivery to where one was', async () => {
    const far = rows(page).nth(100);
    await far.scrollIntoViewIfNeeded();
    const name = await far.getByRole('link').innerText();
    await far.getByRole('link').click();
    await tab.heading('Request').waitFor();
    await page.goBack();
    await until('its link has the focus', () => page.evaluate((n) => document.activeElement?.innerText === n, name));
    assert.ok(await page.evaluate(() => scrollY > 1000));
    await rows(page).first().scrollIntoViewIfNeeded();
  });

  await step('filters stand in the address', async () => {
    await tab.field('Event type').selectOption('verification.expired');
    await until('one is left', async () => await rows(page).count() === 2);
    await tab.field('Verification ID').fill(ids[7]);
    await tab.heading('Nothing matches these filters').waitFor();
    await tab.field('Event type').selectOption('');
    await row(page, ids[7]).waitFor();
    await tab.field('State').selectOption('delivered');
    await tab.field('Time').selectOption('1h');
    assert.equal(new URL(page.url()).hash, `#/webhooks/${hook.id}/logs?state=delivered&verificationId=${ids[7]}&time=1h`);
    await page.reload();
    await row(page, ids[7]).waitFor();
    assert.equal(await rows(page).count(), 2);
    await tab.field('State').selectOption('held');
    await tab.button('Show all deliveries').click();
    await until('all are asked for again', async () => await rows(page).count() > 50);
    assert.equal(new URL(page.url()).hash, `#/webhooks/${hook.id}/logs`);
  });

  await step('an own range', async () => {
    await tab.field('Time').selectOption('range');
    await tab.field('Until (UTC)').fill('2026-01-31T12:00');
    await tab.field('Until (UTC)').press('Enter');
    await tab.heading('Nothing matches these filters').waitFor();
    await tab.field('From (UTC)').fill('2026-02-01T00:00');
    await tab.field('From (UTC)').press('Enter');
    await tab.sees('The range ends before it begins');
  });
});

consoleTest('short and empty pages are gone on from, up to a bound', async ({ tab, page, partner, endpoint }) => {
  const hook = await partner.hook(endpoint);
  await partner.record();
  await until('it arrived', () => endpoint.requests.length > 0);
  const [delivery] = (await partner.api('GET', `/v1/webhooks/${hook.id}/deliveries`)).items;
  let asked = 0;
  await page.route(/\/deliveries\?/, (route) => {
    const cursor = new URL(route.request().url()).searchParams.get('cursor');
    asked += cursor === null ? 0 : 1;
    const at = Number(cursor ?? 0);
    return route.fulfill({ json: { items: at === 8 ? [delivery] : [], nextCursor: at === 20 ? null : String(at + 1) } });
  });
  await tab.enter(partner, `#/webhooks/${hook.id}/logs?state=delivered`);
  await tab.sees(/No match so far/);
  assert.equal(asked, 5);
  await tab.fits('a search without a match');
  await tab.button('Search further back').click();
  await row(page, delivery.verificationId).waitFor();
  await tab.sees(/The oldest match so far is from/);
  await tab.button('Search further back').click();
  await tab.button('Search further back').click();
  await tab.sees(/That is all: 1 delivery/);
});

consoleTest('a delivery tells what went wrong, and is sent again', async ({ t, tab, page, partner, endpoint }) => {
  const step = steps(t);
  await tab.context.grantPermissions(['clipboard-read', 'clipboard-write']);
  const hook = await partner.hook(endpoint, { authHeader: { name: 'x-api-key', value: 'value-of-the-header-4711' } });
  endpoint.answers(500, { body: 'It\'s <b>broken</b>' });
  const verification = await partner.record();
  await until('it failed', () => endpoint.requests.length > 0);
  await tab.enter(partner, `#/webhooks/${hook.id}/logs`);
  await row(page, verification).getByRole('link').click();
  const attempts = page.getByRole('list', { name: /^Attempts/ });

  await step('the next attempt is counted down until it is made', async () => {
    await attempts.getByRole('listitem').filter({ hasText: 'Planned' }).getByText(/^in \d+ s$/).waitFor();
    await tab.sees(/what to do/);
    await tab.sees('It\'s <b>broken</b>');
    await attempts.getByRole('heading', { name: 'Attempt 3' }).waitFor();
  });

  await step('the request can be copied as a command without secrets', async () => {
    await tab.button('Copy as curl').click();
    const command = await page.evaluate(() => navigator.clipboard.readText());
    assert.ok(command.startsWith(`curl -i -X POST '${endpoint.url}'`), command);
    assert.ok(command.includes(`--data-raw '${endpoint.requests[0].body}'`), command);
    assert.ok(command.includes('-H \'x-api-key: <value>\''), command);
    assert.ok(!command.includes('4711'));
    await tab.button('As sent').click();
    await page.getByRole('region', { name: 'body', exact: true }).filter({ hasText: endpoint.requests[0].body }).waitFor();
  });

  await step('it is sent again by hand', async () => {
    endpoint.answers(200);
    await tab.button('Resend').click();
    await tab.sees(/Sent again: attempt \d was accepted/);
    await attempts.getByRole('listitem').filter({ hasText: 'Manual' }).filter({ hasText: 'HTTP 200' }).waitFor();
    await tab.sees('Your endpoint accepted it.');
    assert.ok(await tab.button('Resend').isEnabled());
  });

  await step('a failure is shown where it was asked for', async () => {
    tab.expects(/POST .*\/resend 500$/);
    await page.route(/\/resend$/, (route) => route.fulfill({ status: 500, body: '' }), { times: 1 });
    await tab.button('Resend').click();
    await page.getByRole('alert').filter({ hasText: 'It could not be resent' }).waitFor();
  });
});

consoleTest('a cancelled delivery says why it can\'t be sent again', async ({ tab, page, partner, endpoint }) => {
  const hook = await partner.hook(endpoint);
  await partner.api('POST', `/v1/webhooks/${hook.id}/deactivate`);
  const verification = await partner.record();
  await until('it is held', async () => (await partner.webhook(hook.id)).heldCount === 1);
  await tab.enter(partner, `#/webhooks/${hook.id}/logs?state=held`);
  await row(page, verification).filter({ hasText: 'On activation' }).getByRole('link').click();
  await tab.sees(/Activate the webhook to get everything that is held/);
  await partner.api('POST', `/v1/webhooks/${hook.id}/activate`, { held: 'discard' });
  await tab.sees('A cancelled delivery can\'t be sent again.');
  assert.equal(await tab.button('Resend').getAttribute('aria-disabled'), 'true');
});
