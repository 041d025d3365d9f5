// A slow and failing API: errors are shown where they happen, trying again works, and nothing is made twice.
import assert from 'node:assert/strict';
import { consoleTest } from './harness.mjs';
import { until } from './world.mjs';

const problem = (status, title, more = {}) => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...(more.headers ?? {}) },
  body: JSON.stringify({ type: 'about:blank', title, status, ...more.body }),
});

const webhooks = /\/v1\/webhooks(\?|$)/;

/** interfere lets `how` answer the next requests with a method; then all goes through again. */
async function interfere(page, url, method, how) {
  let left = how.length;
  await page.route(url, async (route) => {
    if (route.request().method() !== method || left === 0) {
      return route.fallback();
    }
    left -= 1;
    return how[how.length - left - 1](route);
  });
}

consoleTest('a list that does not load says why, and loads when asked again', async ({ tab, page, partner, endpoint }) => {
  await partner.hook(endpoint);
  for (const [how, pattern, shown] of [
    [(r) => r.fulfill(problem(500, 'Internal Server Error')), / 500$/, /our side|went wrong|failed|error/i],
    [(r) => r.abort('connectionrefused'), /net::ERR_CONNECTION_REFUSED$/, /connection|reach/i],
    [(r) => r.fulfill(problem(429, 'Too Many Requests', { headers: { 'retry-after': '1' } })), / 429$/, /too many|wait|second/i],
    [(r) => r.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' }), / 502$/, /502|went wrong|error/i],
  ]) {
    tab.expects(pattern);
    await interfere(page, webhooks, 'GET', [how]);
    await (page.url() === 'about:blank' ? tab.enter(partner) : page.reload());
    const alert = page.getByRole('alert');
    await alert.waitFor();
    assert.match(await alert.innerText(), shown);
    await tab.button('Try again').click();
    await tab.sees(new RegExp(new URL(endpoint.url).port));
    await alert.waitFor({ state: 'hidden' });
  }
});

consoleTest('creating a webhook through failures makes one', async ({ tab, page, partner, endpoint }) => {
  const keys = new Set();
  page.on('request', (r) => {
    if (r.method() === 'POST' && webhooks.test(r.url())) {
      keys.add(r.headers()['idempotency-key']);
    }
  });
  tab.expects(/POST .* 500$/);
  tab.expects(/POST .*net::ERR_CONNECTION_RESET$/);
  tab.expects(/POST .* 429$/);
  await tab.enter(partner, '#/webhooks/new');
  await tab.field('Webhook URL').fill(endpoint.url);
  const submit = tab.button('Save webhook');
  await interfere(page, webhooks, 'POST', [
    (r) => r.fulfill(problem(500, 'Internal Server Error')),
    (r) => r.fulfill(problem(429, 'Too Many Requests', { headers: { 'retry-after': '1' } })),
    // It was made, and the answer is lost.
    async (r) => { await r.fetch(); await r.abort('connectionreset'); },
  ]);
  for (let i = 0; i < 3; i += 1) {
    await submit.click();
    const alert = page.getByRole('alert');
    await alert.waitFor();
    await tab.fits('an error at the form');
  }
  await submit.click();
  await tab.sees(/whsec_/);
  assert.equal((await partner.webhooks()).length, 1);
  assert.equal(keys.size, 1);
});

consoleTest('a slow answer keeps the button from being pressed twice', async ({ tab, page, partner, endpoint }) => {
  await tab.enter(partner, '#/webhooks/new');
  await tab.field('Webhook URL').fill(endpoint.url);
  let release;
  const held = new Promise((done) => { release = done; });
  let asked = 0;
  await page.route(webhooks, async (route) => {
    if (route.request().method() === 'POST') {
      asked += 1;
      await held;
    }
    return route.fallback();
  });
  const submit = tab.button('Save webhook');
  await submit.click();
  await until('the button says that it is busy', async () => await submit.getAttribute('aria-busy') === 'true');
  await submit.click({ force: true });
  await tab.field('Webhook URL').press('Enter');
  release();
  await tab.sees(/whsec_/);
  assert.equal(asked, 1);
  assert.equal((await partner.webhooks()).length, 1);
});

consoleTest('an API that takes ten seconds is waited for', async ({ tab, page, partner, endpoint }) => {
  await partner.hook(endpoint);
  await page.route(webhooks, async (route) => {
    await new Promise((done) => { setTimeout(done, 10_000); });
    return route.fallback();
  });
  await tab.enter(partner);
  await tab.sees(/Loading/);
  await tab.sees(new RegExp(new URL(endpoint.url).port));
});
