// A tab in which another account comes in: nothing of the one before may get into its hands.
import assert from 'node:assert/strict';
import { consoleTest } from './harness.mjs';
import { Partner, run, until } from './world.mjs';

const unauthorised = / 401$/;
const typed = 'Typed by the first account';

/** halfFilled is a form whose webhook waits for another session to be made. */
async function halfFilled({ tab, page, partner, endpoint }) {
  tab.expects(unauthorised);
  const { id: keyId, key } = await partner.newKey();
  await page.goto(run.consoleUrl);
  await tab.field('API key').fill(key);
  await tab.button('Sign in').click();
  await tab.link('Create webhook').first().click();
  await tab.field('Webhook URL').fill(endpoint.url);
  await tab.field(/^Description/).fill(typed);
  await partner.deleteKey(keyId);
  await until('the key is refused', async () => (await fetch(`${run.apiUrl}/v1/webhooks`, { headers: { authorization: `Bearer ${key}` } })).status === 401, 40_000);
  await tab.button('Save webhook').click();
  await tab.dialog('Your session has ended').waitFor();
}

/** nothingLeft looks for what the first account typed where the second is. */
async function nothingLeft({ tab, page }, first, second) {
  await tab.heading('No webhooks yet').waitFor();
  assert.doesNotMatch(await page.evaluate(() => JSON.stringify({ ...sessionStorage })), new RegExp(typed));
  await tab.go('#/webhooks/new');
  await tab.field('Webhook URL').waitFor();
  assert.equal(await tab.field('Webhook URL').inputValue(), '');
  assert.equal(await tab.field(/^Description/).inputValue(), '');
  for (const partner of [first, second]) {
    assert.deepEqual(await partner.webhooks(), []);
  }
}

consoleTest('a form of an account that ended is neither shown nor sent to the account of a new link', async (c) => {
  await halfFilled(c);
  const second = await Partner.create('second');
  const { url } = await second.session();
  await c.page.evaluate((to) => { location.href = to; }, url);
  await nothingLeft(c, c.partner, second);
});

consoleTest('nor to the account of a key', async (c) => {
  await halfFilled(c);
  const second = await Partner.create('second');
  const dialog = c.tab.dialog('Your session has ended');
  await c.tab.field('API key', dialog).fill(second.key);
  await c.tab.button('Continue', dialog).click();
  await nothingLeft(c, c.partner, second);
});

consoleTest('a link of another account that is opened anew in the tab shows nothing of the first', async ({ tab, page, partner, endpoint }) => {
  const hook = await partner.hook(endpoint, { description: typed });
  await tab.enter(partner, `#/webhooks/${hook.id}/edit`);
  page.on('dialog', (d) => d.accept());
  await tab.field(/^Description/).fill(`${typed} anew`);
  const second = await Partner.create('second');
  const { url } = await second.session();
  await page.goto('about:blank');
  await page.goto(url);
  await nothingLeft({ tab, page }, second, second);

  // The same account finds what it typed.
  await tab.field(/^Description/).fill('Mine');
  await page.goto('about:blank');
  await page.goto((await second.session()).url);
  await tab.sees('What you typed earlier is still here');
  assert.equal(await tab.field(/^Description/).inputValue(), 'Mine');
});

consoleTest('a link that is no longer valid leaves the session as it is', async ({ tab, page, partner, endpoint }) => {
  tab.expects(unauthorised);
  await partner.hook(endpoint);
  await tab.enter(partner);
  await tab.link(/^View logs of/).first().waitFor();
  await page.evaluate(() => { location.hash = `#token=crs_${'0'.repeat(72)}`; });
  const dialog = tab.dialog('This link is no longer valid');
  await tab.button('Go on without it', dialog).click();
  await dialog.waitFor({ state: 'hidden' });
  await tab.link(/^View logs of/).first().click();
  await tab.heading('Logs').first().waitFor();
  assert.doesNotMatch(page.url(), /crs_/);
});
