// The signature helper with a request that the product sent, and the page of event types.
import assert from 'node:assert/strict';
import { consoleTest, steps } from './harness.mjs';
import { run, until } from './world.mjs';

consoleTest('the signature helper explains a request', { permissions: ['clipboard-read', 'clipboard-write'] }, async ({ t, tab, page, partner, endpoint }) => {
  const step = steps(t);
  const hook = await partner.hook(endpoint);
  await partner.api('POST', `/v1/webhooks/${hook.id}/test`);
  const [request] = endpoint.requests;
  const result = page.getByRole('region', { name: 'Result' });
  const check = async (fields) => {
    for (const [label, value] of Object.entries(fields)) {
      await tab.field(label).fill(value);
    }
    await tab.button('Check signature').click();
    await result.waitFor();
    await until('the result has the focus', () => result.evaluate((e) => e === document.activeElement));
  };

  await step('without a session', async () => {
    await page.goto(`${run.consoleUrl}#/signature`);
    await tab.heading('Signature helper').waitFor();
    await tab.button('Check signature').click();
    await tab.sees('Something is missing', result);
    await tab.axe('the signature helper, empty');
    await tab.fits('the signature helper, empty');
  });

  await step('what was sent matches, and nothing leaves the page', async () => {
    const asked = [];
    page.on('request', (r) => asked.push(r.url()));
    await check({ 'Request body': request.body, Signature: JSON.stringify(request.headers, null, 2), Secret: hook.secret });
    await tab.sees('The signature matches', result);
    await tab.sees(/x-webhook-signature webhook-signature Matches/, result);
    assert.deepEqual(asked, []);
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    assert.equal(kept.includes(hook.secret), false, 'the secret is stored');
    await tab.axe('a match');
  });

  await step('a change takes the result away', async () => {
    await tab.field('Secret').fill(`${hook.secret} `);
    await result.waitFor({ state: 'detached' });
    await check({});
    await tab.sees('There is white space around the secret.', result);
  });

  await step('a formatted body is recognised', async () => {
    const pretty = JSON.stringify(JSON.parse(request.body), null, 2);
    await check({ 'Request body': pretty, Signature: request.headers['x-webhook-signature'], Secret: hook.secret });
    await tab.sees('The body you pasted has white space that we did not send.', result);
    await tab.axe('an explanation');
    await tab.paint({ width: 360 });
    await tab.fits('an explanation');
    await tab.paint({ width: 1280 });
  });

  await step('a file keeps the bytes that a text field would change', async () => {
    const name = 'Body from a file (optional)';
    await page.getByLabel(name).setInputFiles({ name: 'body.json', mimeType: 'application/json', buffer: Buffer.from(`${request.body}\r\n`) });
    await tab.sees('body.json');
    await check({});
    await tab.sees('The body you pasted has a line end after its last brace.', result);
    await tab.button('Paste a text instead').click();
  });

  await step('a forged request stays unexplained', async () => {
    await check({ 'Request body': request.body.replace('VERIFIED', 'FAILED'), Signature: JSON.stringify(request.headers), Secret: hook.secret });
    await tab.sees('The signature does not match', result);
    await tab.sees('Answer it with 401.', result);
    await tab.axe('no explanation');
  });

  await step('code for the server', async () => {
    await tab.field('x-webhook-signature', page.getByRole('group', { name: 'Check by' })).check();
    await tab.field('PHP').check();
    const code = page.getByRole('region', { name: 'code for PHP' });
    await tab.sees(/HTTP_X_WEBHOOK_SIGNATURE_NEXT/, code);
    await tab.button('Copy code for PHP').click();
    await until('the code is copied', async () => (await page.evaluate(() => navigator.clipboard.readText())).startsWith('<?php\n'));
  });
});

consoleTest('the event types, and a webhook for one of them', async ({ tab, page, partner }) => {
  await tab.enter(partner, '#/event-types');
  for (const name of ['completed', 'failed', 'expired', 'manual_review_completed']) {
    await tab.heading(`verification.${name}`).waitFor();
  }
  const sample = page.getByRole('region', { name: 'sample of verification.failed' });
  await tab.sees(/"type": "verification.completed"/, sample);
  await tab.field('Detailed').check();
  await tab.sees(/"type": "verification.failed"/, sample);
  await tab.axe('the event types');
  await tab.paint({ width: 360 });
  await tab.fits('the event types');
  await tab.link('Create a webhook for verification.failed').click();
  await tab.heading('Create webhook').waitFor();
  const chosen = await page.getByRole('checkbox', { checked: true }).evaluateAll((all) => all.map((e) => e.labels[0].textContent));
  assert.deepEqual(chosen.filter((label) => label.startsWith('verification.')), ['verification.failed']);
});
