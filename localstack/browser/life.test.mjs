// The whole life of a webhook, as a person who has never seen the console lives it: each step is one test.
import assert from 'node:assert/strict';
import { consoleTest, steps } from './harness.mjs';
import { until } from './world.mjs';

const secretText = /whsec_[A-Za-z0-9+/=]+/;

consoleTest('the whole life of a webhook, by clicks', async ({ t, tab, page, partner, endpoint }) => {
  const step = steps(t);
  let id;
  const hook = () => partner.webhook(id);
  const tabs = (name) => tab.link(name, page.getByRole('navigation', { name: 'Webhook' })).click();

  await step('a portal session link leads to a page that says what to do first', async () => {
    const { url } = await partner.session();
    await page.goto(url);
    await tab.heading('No webhooks yet').waitFor();
    await tab.link('Create webhook').click();
  });

  await step('a URL that can not work is refused at the field, in the words of the API', async () => {
    tab.expects(/POST .*\/v1\/webhooks 422$/);
    const url = tab.field('Webhook URL');
    await url.fill(endpoint.url.replace('https:', 'http:'));
    await tab.button('Save webhook').click();
    await until('the field is marked', async () => await url.getAttribute('aria-invalid') === 'true');
    const said = (await url.getAttribute('aria-describedby')).split(' ')[0];
    assert.match(await page.locator(`[id="${said}"]`).innerText(), /https/);
    await until('the field has the focus', () => url.evaluate((e) => e === document.activeElement));
    await url.fill(endpoint.url);
  });

  await step('the webhook is created, and its secret is shown once', async () => {
    await tab.field('Add a header').check();
    await tab.field('Header name').fill('x-api-key');
    await tab.field('Header value').fill('tulip-4711');
    await tab.button('Save webhook').click();
    const shown = page.getByRole('region', { name: 'signing secret' });
    await shown.waitFor();
    const [secret] = (await shown.innerText()).match(secretText);
    endpoint.secrets.push(secret);
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await tab.button('Copy signing secret').click();
    await until('it is copied', async () => await page.evaluate(() => navigator.clipboard.readText()) === secret);

    // Who leaves without it is asked first.
    await tab.link('Webhooks', page.getByRole('navigation', { name: 'Main' })).click();
    await page.getByRole('dialog').getByRole('button', { name: /^Stay/ }).click();
    await tab.button('I have stored it').click();
    [{ id }] = await partner.webhooks();
    await page.goBack();
    await page.goForward();
    assert.doesNotMatch(await page.locator('body').innerText(), secretText);
    assert.doesNotMatch(await page.evaluate(() => JSON.stringify({ ...sessionStorage })), secretText);
  });

  await step('a test shows what was sent and what came back, the header masked', async () => {
    await tab.go(`#/webhooks/${id}`);
    await tab.sees('Nothing has been sent yet.');
    await tab.link('Send a test').first().click();
    await tab.button('Send test').click();
    await tab.sees('Your endpoint answered 200.');
    assert.equal(endpoint.of('test_123').length, 1);
    assert.equal(endpoint.requests[0].headers['x-api-key'], 'tulip-4711');
    const main = await page.getByRole('main').innerText();
    for (const part of ['x-api-key', '********', 'x-webhook-signature', 'verification.completed', '"received"']) {
      assert.ok(main.includes(part), `${part} is not shown`);
    }
    assert.ok(!main.includes('tulip'), 'the header is masked');
  });

  let first;
  await step('a verification arrives at the endpoint and in the logs, which were open', async () => {
    await tabs('Logs');
    await tab.heading('No deliveries yet').waitFor();
    first = await partner.record();
    await until('the webhook has arrived', () => endpoint.of(first).length === 1);
    const row = page.getByRole('row').filter({ hasText: first });
    await row.waitFor();
    await tab.sees('Delivered', row);
    await row.getByRole('link').first().click();
    await tab.sees('Attempt 1');
    await tab.sees('HTTP 200');
    assert.ok((await page.getByRole('region', { name: 'body', exact: true }).innerText()).includes(first));
  });

  await step('it can be copied as a curl command, which holds no secret', async () => {
    await tab.button('Copy as curl').click();
    const curl = await until('it is copied', async () => {
      const text = await page.evaluate(() => navigator.clipboard.readText());
      return text.startsWith('curl') && text;
    });
    assert.ok(curl.includes(endpoint.url) && curl.includes(first));
    assert.ok(!curl.includes('tulip') && !secretText.test(curl), curl);
  });

  let broken;
  await step('the endpoint breaks: the delivery counts down to its next attempt', async () => {
    endpoint.answers(500, { body: '{"error":"the database is gone"}' });
    broken = await partner.record();
    await tabs('Logs');
    const row = page.getByRole('row').filter({ hasText: broken });
    await row.waitFor();
    await row.getByRole('link').first().click();
    await tab.sees('the database is gone');
    // The later waits are long enough to see.
    await until('the third attempt has failed', async () => await tab.heading('Attempt 3').count() === 1 && await page.getByText('Planned').count() === 1);
    const counter = page.locator('.due');
    const seen = new Set();
    await until('the countdown counts', async () => {
      seen.add(await counter.first().innerText({ timeout: 500 }).catch(() => ''));
      return seen.size >= 4;
    });
  });

  await step('the overview says that it fails, and why', async () => {
    await tabs('Overview');
    await tab.sees(/your endpoint answered 500/);
    await tab.link('Open the logs').waitFor();
  });

  await step('after the last retry the webhook is switched off, and says what to do', async () => {
    await until('it is switched off', async () => !(await hook()).active, 45_000);
    await tab.sees('Switched off');
    await tab.sees(/events are held/i);
  });

  const held = [];
  await step('what happens meanwhile is held', async () => {
    for (let i = 0; i < 5; i += 1) {
      held.push(await partner.record(i === 2 ? 'FAILED' : 'VERIFIED'));
    }
    await until('five are held', async () => (await hook()).heldCount === 5);
    await page.reload();
    await tab.heading('5 held events').waitFor();
    await tab.link('See them in the logs').click();
    await until('the logs list them', async () => await page.getByRole('row').filter({ hasText: 'On activation' }).count() === 5);
    assert.equal(await page.getByRole('row').filter({ hasText: first }).count(), 0);
  });

  await step('the failed delivery tells why', async () => {
    await tabs('Overview');
    await tab.link('See the failed delivery').click();
    await tab.heading('Attempt 6').waitFor();
    await tab.sees('Exhausted');
    await tab.sees('the database is gone');
    await page.goBack();
  });

  await step('the endpoint is repaired, which a test shows', async () => {
    endpoint.answers(200, { body: '{"received":true}' });
    await tab.link('Send a test').click();
    await tab.button('Send test').click();
    await tab.sees('Your endpoint answers. The webhook is still inactive.');
  });

  await step('activation brings what was held, in order, with its progress', async () => {
    // Slow enough to be seen on the way.
    endpoint.answers(200, { after: 700 });
    await tabs('Overview');
    await tab.button('Activate').click();
    const dialog = tab.dialog('Activate this webhook?');
    assert.equal(await tab.field('Deliver them', dialog).isChecked(), true);
    await tab.button('Activate', dialog).click();
    await dialog.waitFor({ state: 'hidden' });
    await page.getByRole('progressbar', { name: 'Delivery of held events' }).waitFor();
    const steps = new Set();
    await until('all have been delivered', async () => {
      steps.add(await page.getByText(/^\d+ of \d+$/).first().innerText({ timeout: 500 }).catch(() => ''));
      return (await hook()).drain?.state === 'done';
    }, 30_000);
    assert.ok(steps.size >= 3, `the progress was seen to move: ${[...steps].join(', ')}`);
    const arrived = endpoint.requests.map((r) => JSON.parse(r.body).data.verificationId).filter((v) => [broken, ...held].includes(v));
    assert.deepEqual(arrived.slice(-6), [broken, ...held]);
    await tab.sees('All held events have been delivered.');
    await tab.sees(/^The last attempt succeeded/);
    endpoint.answers(200);
  });

  await step('everything is delivered, and the logs say so', async () => {
    await tabs('Logs');
    await until('all seven are listed', async () => await page.getByRole('row').filter({ hasText: 'Delivered' }).count() === 7);
    await tab.field('Verification ID').fill(broken);
    await until('the filter leaves one', async () => await page.getByRole('row').count() === 2);
    await page.getByRole('row').filter({ hasText: broken }).getByRole('link').first().click();
    await tab.heading('Attempt 7').waitFor();
  });

  await step('a delivery is sent again by hand', async () => {
    const before = endpoint.of(broken).length;
    await tab.button(/^Resend/).first().click();
    const dialog = page.getByRole('dialog');
    if (await dialog.count() > 0) {
      await dialog.getByRole('button', { name: /Resend/ }).click();
    }
    await until('it arrives once more', () => endpoint.of(broken).length === before + 1);
    await tab.heading('Attempt 8').waitFor();
    await tab.sees('By hand');
  });

  await step('the secret is rotated with an overlap, which is completed', async () => {
    await tabs('Overview');
    await tab.button('Rotate secret').click();
    const dialog = tab.dialog('Rotate the signing secret');
    await dialog.getByRole('button', { name: /^Rotate/ }).click();
    const made = tab.dialog('Your new signing secret');
    await made.waitFor();
    const [secret] = (await made.getByRole('region', { name: 'the new secret' }).innerText()).match(secretText);
    assert.ok(!endpoint.secrets.includes(secret));
    await tab.button('I have stored it', made).click();
    // Both are in use.
    const during = await partner.record();
    await until('an event arrives during the overlap', () => endpoint.of(during).length === 1);
    assert.ok(endpoint.of(during)[0].headers['x-webhook-signature-next']);
    await tab.button('Complete now').click();
    await tab.button('Complete rotation', page.getByRole('dialog')).click();
    await until('the rotation has ended', async () => (await hook()).rotation === null);
    endpoint.secrets.splice(0, endpoint.secrets.length, secret);
    const later = await partner.record();
    await until('an event arrives with the new secret', () => endpoint.of(later).length === 1);
  });

  await step('it is deactivated, and activated with its held events discarded', async () => {
    await tab.button('Deactivate').click();
    await tab.button('Deactivate', tab.dialog('Deactivate this webhook?')).click();
    await until('it is inactive', async () => !(await hook()).active);
    const discarded = await partner.record();
    await until('the event is held', async () => (await hook()).heldCount === 1);
    await page.reload();
    await tab.button('Activate').click();
    const dialog = tab.dialog('Activate this webhook?');
    await tab.field('Discard them', dialog).check();
    await tab.button('Activate and discard', dialog).click();
    await until('it is active', async () => (await hook()).active);
    await tab.button('Deactivate').waitFor();
    assert.equal(endpoint.of(discarded).length, 0);
  });

  await step('it is deleted by typing its name, and nothing else', async () => {
    const { host } = new URL(endpoint.url);
    await tab.button('Delete webhook').click();
    const dialog = tab.dialog('Delete this webhook?');
    await tab.field(/^Type/, dialog).fill('something else');
    await tab.button('Delete webhook', dialog).click();
    await tab.sees(`Type ${host} as it stands here.`, dialog);
    assert.equal((await partner.webhooks()).length, 1);
    await tab.field(/^Type/, dialog).fill(host);
    await tab.button('Delete webhook', dialog).click();
    await tab.heading('No webhooks yet').waitFor();
    assert.equal((await partner.webhooks()).length, 0);
  });
});
