// A webhook's own pages where something comes in between: another tab, an answer that is lost, a template that fails.
import assert from 'node:assert/strict';
import { consoleTest } from './harness.mjs';
import { newID, until } from './world.mjs';

/** loseAnswer lets the first request of a kind have its effect, and loses the answer. It returns all that were made. */
async function loseAnswer(page, method, url) {
  const requests = [];
  await page.route(url, async (route) => {
    if (route.request().method() !== method) {
      return route.fallback();
    }
    requests.push(route.request().headers());
    if (requests.length > 1) {
      return route.fallback();
    }
    await route.fetch();
    return route.abort('connectionreset');
  });
  return requests;
}

consoleTest('what has changed meanwhile is not switched off unseen', async ({ tab, partner, endpoint }) => {
  tab.expects(/POST .*\/deactivate 412$/);
  const { id } = await partner.hook(endpoint, { description: 'As it was' });
  await tab.enter(partner, `#/webhooks/${id}`);
  await tab.button('Deactivate').click();
  const dialog = tab.dialog('Deactivate this webhook?');
  await dialog.waitFor();
  await partner.api('PATCH', `/v1/webhooks/${id}`, { description: 'By another tab' });
  await tab.button('Deactivate', dialog).click();
  await tab.sees('The webhook has changed meanwhile', dialog);
  assert.equal((await partner.webhook(id)).active, true);
  await tab.sees('By another tab');
  await tab.button('Deactivate', dialog).click();
  await dialog.waitFor({ state: 'hidden' });
  assert.equal((await partner.webhook(id)).active, false);
  await tab.button('Activate').waitFor();
});

consoleTest('a rotation whose answer is lost is made once, and its secret is shown', async ({ tab, page, partner, endpoint }) => {
  tab.expects(/POST .*\/secret\/rotate net::ERR_CONNECTION_RESET$/);
  const { id } = await partner.hook(endpoint);
  const requests = await loseAnswer(page, 'POST', /\/secret\/rotate$/);
  await tab.enter(partner, `#/webhooks/${id}`);
  await tab.button('Rotate secret').click();
  const dialog = tab.dialog('Rotate the signing secret');
  const overlap = tab.field(/^Overlap/, dialog);
  await overlap.fill('169');
  await tab.button('Rotate secret', dialog).click();
  await tab.sees('Enter a whole number from 0 to 168.', dialog);
  await until('the field has the focus', () => overlap.evaluate((e) => e === document.activeElement));
  assert.equal(requests.length, 0);
  await overlap.fill('2');
  await tab.button('Rotate secret', dialog).click();
  await tab.sees('It is not known whether the secret was rotated', dialog);
  await tab.button('Try again', dialog).click();
  const shown = page.getByRole('region', { name: 'the new secret' });
  await shown.waitFor();
  assert.equal(requests.length, 2);
  assert.equal(new Set(requests.map((r) => r['idempotency-key'])).size, 1);
  // It is the one that signs: the endpoint checks each request with both.
  const made = (await shown.innerText()).trim();
  endpoint.secrets.push(made);
  const { rotation } = await partner.webhook(id);
  assert.ok(made.endsWith(rotation.secretHint.replace(/^\W+/, '')), `${rotation.secretHint} is not of the secret that was shown`);
  // Neither Escape nor the way back takes it from the screen before it is stored.
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  assert.equal((await shown.innerText()).trim(), made);
  await page.goBack();
  await tab.button('Stay on this page', tab.dialog('Leave this page?')).click();
  assert.equal((await shown.innerText()).trim(), made);
  await tab.button('I have stored it').click();
  // It ends in less than six hours, so that it is a step to take; then it is given up.
  await tab.button('Complete the rotation').waitFor();
  await tab.button('Cancel rotation').click();
  await tab.button('Cancel rotation', tab.dialog('Cancel the rotation?')).click();
  await tab.sees('The rotation was cancelled.');
  assert.equal((await partner.webhook(id)).rotation, null);
});

consoleTest('a deletion whose answer is lost can be confirmed again', async ({ tab, page, partner, endpoint }) => {
  tab.expects(/DELETE .*net::ERR_CONNECTION_RESET$/);
  tab.expects(/DELETE .* 404$/);
  const { id } = await partner.hook(endpoint);
  await loseAnswer(page, 'DELETE', /\/v1\/webhooks\/whk_\w+$/);
  await tab.enter(partner, `#/webhooks/${id}`);
  await tab.button('Delete webhook').click();
  const dialog = tab.dialog('Delete this webhook?');
  await tab.field(/^Type/, dialog).fill(new URL(endpoint.url).host);
  await tab.field(/^Type/, dialog).press('Enter');
  await dialog.getByRole('alert').waitFor();
  await tab.button('Delete webhook', dialog).click();
  await tab.heading('No webhooks yet').waitFor();
});

consoleTest('a template that fails is mended, and its events are recovered', async ({ tab, page, partner, endpoint }) => {
  const { id } = await partner.hook(endpoint, { payloadTemplate: { source: '{{ lower(data.metadata.dataSource) }}', id: '{{ data.verificationId }}' } });
  const good = await partner.record();
  const bad = [newID(), newID()];
  for (const verificationId of bad) {
    await partner.record('VERIFIED', verificationId, { metadata: undefined });
  }
  await until('the health tells of the template', async () => /template failed/.test((await partner.webhook(id)).healthReason));
  await until('one was delivered', () => endpoint.requests.length === 1);
  assert.equal(JSON.parse(endpoint.requests[0].body).id, good);
  await tab.enter(partner, `#/webhooks/${id}`);
  await tab.link('Edit the template').waitFor();
  await partner.api('PATCH', `/v1/webhooks/${id}`, { payloadTemplate: null });
  await tab.link('Recover them').click();
  await tab.heading('Recover failed deliveries').waitFor();
  assert.equal(await tab.field(/^Undeliverable/).isChecked(), true);
  await tab.button('Count').click();
  await tab.sees('2 deliveries fit.');
  // What is changed voids the count.
  await tab.field(/^Expired/).check();
  await tab.button('Send 2 deliveries again').waitFor({ state: 'detached' });
  await tab.button('Count').click();
  await tab.button('Send 2 deliveries again').click();
  await tab.sees('Done: 2 deliveries sent again');
  await until('both have arrived', () => bad.every((v) => endpoint.of(v).length === 1));
  // The address names the job, so that it is found again.
  await page.reload();
  await tab.sees('Done: 2 deliveries sent again');
});

consoleTest('the charts have their figures in a table', { width: 360 }, async ({ tab, page, partner, endpoint }) => {
  const { id } = await partner.hook(endpoint);
  await partner.record();
  await until('it is counted', async () => (await partner.api('GET', `/v1/webhooks/${id}/stats`)).total.delivered === 1);
  await tab.enter(partner, `#/webhooks/${id}`);
  await page.getByRole('img', { name: 'Bar chart by hour: 1 delivered and 0 failed attempts in the last 24 hours' }).waitFor();
  await tab.button('Show as a table').click();
  const rows = page.getByRole('region', { name: 'Deliveries by hour, last 24 hours' }).getByRole('row');
  assert.match(await rows.nth(1).innerText(), /:00\s+1\s+0\s+\d/);
  await tab.field('7 days').check();
  await page.getByRole('img', { name: /in the last 7 days/ }).first().waitFor();
  await page.getByRole('region', { name: 'Deliveries by hour, last 7 days' }).waitFor();
  await tab.fits('the charts');
});
