// How one comes in, and what happens when the session ends.
import assert from 'node:assert/strict';
import { consoleTest } from './harness.mjs';
import { run, until } from './world.mjs';

const unauthorised = / 401$/;

consoleTest('a portal session link opens the console, and its token is not left anywhere', async ({ tab, page, partner }) => {
  const { url, token } = await partner.session();
  await page.goto(url);
  await tab.heading('Webhooks').first().waitFor();
  assert.ok(!page.url().includes(token), page.url());
  const left = await page.evaluate(() => JSON.stringify([location.href, document.cookie, { ...localStorage }, history.state, document.title]));
  assert.ok(!left.includes('crs_'), left);
  // Nor does the way back lead to it.
  await page.goto(run.consoleUrl);
  await tab.heading('Webhooks').first().waitFor();
  await page.goBack();
  assert.ok(!page.url().includes('crs_'), page.url());
});

consoleTest('an API key opens the console; a wrong one says why not', async ({ tab, page, partner }) => {
  tab.expects(unauthorised);
  await page.goto(run.consoleUrl);
  await tab.heading('Sign in').waitFor();
  await tab.button('Sign in').click();
  await tab.sees('Enter an API key.');
  await tab.field('API key').fill('secret');
  await tab.button('Sign in').click();
  await tab.sees(/begins with crk_/);
  await tab.field('API key').fill(`crk_${'0'.repeat(72)}`);
  await tab.button('Sign in').click();
  await tab.sees(/not accepted/);
  assert.equal(await tab.field('API key').getAttribute('type'), 'password');
  await tab.field('API key').fill(` ${partner.key} `);
  await page.keyboard.press('Enter');
  await tab.link('Create webhook').first().waitFor();

  await page.reload();
  await tab.link('Create webhook').first().waitFor();
  await tab.button('Sign out').click();
  await tab.heading('Sign in').waitFor();
  assert.equal(await page.evaluate(() => JSON.stringify({ ...sessionStorage }).includes('crk_')), false);
});

consoleTest('a session that ends takes nothing of a half-filled form with it', async ({ tab, page, partner, endpoint }) => {
  tab.expects(unauthorised);
  const { id: keyId, key } = await partner.newKey();
  await page.goto(run.consoleUrl);
  await tab.field('API key').fill(key);
  await tab.button('Sign in').click();
  await tab.link('Create webhook').first().click();
  const url = tab.field('Webhook URL');
  await url.fill(endpoint.url);
  await tab.field(/^Description/).fill('Typed before the session ended');

  await partner.deleteKey(keyId);
  const dialog = tab.dialog('Your session has ended');
  // A revoked key may be taken for some seconds more; then the webhook is made, and this test says nothing.
  await until('the key is refused', async () => (await fetch(`${run.apiUrl}/v1/webhooks`, { headers: { authorization: `Bearer ${key}` } })).status === 401, 40_000);
  await tab.button('Save webhook').click();
  await dialog.waitFor();
  assert.equal(await url.inputValue(), endpoint.url);

  // A key of the wrong form, then "not now", and back.
  await tab.field('API key', dialog).fill('crk_half');
  await tab.button('Continue', dialog).click();
  await tab.sees(/characters/, dialog);
  await tab.button('Not now', dialog).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await url.inputValue(), endpoint.url);
  assert.equal((await partner.webhooks()).length, 0);
  await tab.button('Continue session').click();
  await dialog.waitFor();

  // A new link in the same tab goes on where one was.
  const session = await partner.session();
  await page.evaluate((to) => { location.href = to; }, session.url);
  await dialog.waitFor({ state: 'hidden' });
  assert.ok(!page.url().includes(session.token));
  assert.equal(await url.inputValue(), endpoint.url);
  assert.equal(await tab.field(/^Description/).inputValue(), 'Typed before the session ended');
  await tab.button('Save webhook').click();
  const made = await until('one webhook', async () => (await partner.webhooks())[0]);
  assert.equal(made.url, endpoint.url);
  assert.equal(made.description, 'Typed before the session ended');
});

consoleTest('what was typed is still there after the page was loaded anew, but for secrets', async ({ tab, page, partner, endpoint }) => {
  // The browser asks before the page is left; the answer is yes.
  page.on('dialog', (d) => d.accept());
  await tab.enter(partner, '#/webhooks/new');
  await tab.field('Webhook URL').fill(endpoint.url);
  await tab.field('Add a header').check();
  await tab.field('Header name').fill('x-api-key');
  await tab.field('Header value').fill('tulip-4711');
  await tab.field('Use one of my own').check();
  await tab.field('Own secret').fill('my own secret of more than 24 characters');
  await page.reload();
  await tab.sees('What you typed earlier is still here');
  assert.equal(await tab.field('Webhook URL').inputValue(), endpoint.url);
  assert.equal(await tab.field('Header name').inputValue(), 'x-api-key');
  assert.equal(await tab.field('Header value').inputValue(), '');
  assert.doesNotMatch(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage })), /tulip|my own/);
  await tab.button('Start anew').click();
  await until('the form is empty', async () => await tab.field('Webhook URL').inputValue() === '');
});
