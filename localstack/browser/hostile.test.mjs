// What partners' endpoints and records say is shown as text, whatever it is.
import assert from 'node:assert/strict';
import { consoleTest } from './harness.mjs';
import { map, until } from './world.mjs';

const html = '<script>window.taken = 1</script><img src="x" onerror="window.taken = 2"><h1>Giant</h1><style>body { display: none }</style>';
const invisible = 'from\u202Eright\u0007bell\u0000nul\u001B[31mred\u200Bspace';
const long = 'x'.repeat(600);

/** harmless fails if something of the text became part of the page, or is hidden from whoever reads it. */
async function harmless(page, what) {
  const found = await page.evaluate(() => ({
    taken: window.taken,
    elements: document.querySelectorAll('main script, main img, main style, main iframe, main object').length,
    giant: [...document.querySelectorAll('h1')].some((e) => e.textContent.trim() === 'Giant'),
    raw: /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/u.exec(document.body.innerText)?.[0].charCodeAt(0).toString(16),
  }));
  assert.deepEqual(found, { elements: 0, giant: false, raw: undefined, taken: undefined }, what);
}

consoleTest('hostile text of an endpoint and of a record is shown as text', { width: 360 }, async ({ tab, page, partner, endpoint }) => {
  const body = `${html} ${invisible} ${long}`;
  endpoint.answers(500, { body, headers: { 'content-type': 'text/html', 'x-request-id': '<b>id</b>' } });
  const hook = await partner.hook(endpoint, { description: `${html} ${long.slice(0, 100)} \u202Ereversed` });
  const verification = `ver_<b>bold</b>\u202E_${Date.now()}`;
  await partner.record('VERIFIED', verification, {
    metadata: map({ note: { S: body }, [html.slice(0, 50)]: { S: invisible } }),
  });
  await until('the first attempt has been made', () => endpoint.requests.length > 0);

  await tab.enter(partner);
  await tab.sees(new RegExp(new URL(endpoint.url).port));
  await harmless(page, 'list');
  await tab.fits('list');

  await tab.go(`#/webhooks/${hook.id}`);
  await tab.sees(/<script>/);
  await harmless(page, 'overview');
  await tab.fits('overview');

  await tab.go(`#/webhooks/${hook.id}/logs`);
  await tab.sees(/ver_<b>bold/);
  await harmless(page, 'logs');
  await tab.fits('logs');
  await tab.link(/ver_<b>bold/).first().click();
  await tab.sees(/<script>window\.taken = 1<\/script>/);
  await tab.sees(/U\+202E/);
  await harmless(page, 'delivery');
  await tab.fits('delivery');

  await tab.go(`#/webhooks/${hook.id}/test`);
  await tab.button(/^Send/).click();
  await tab.sees(/<script>window\.taken = 1<\/script>/);
  await harmless(page, 'test');
  await tab.fits('test');

  await tab.go(`#/webhooks/${hook.id}/edit`);
  await until('the form is filled', async () => (await tab.field(/^Description/).inputValue()).includes('<script>'));
  assert.equal(await page.evaluate(() => window.taken), undefined);
  await tab.fits('edit');
});
