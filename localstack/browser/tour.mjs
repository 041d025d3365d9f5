// A walk through every page, dialog and state of the console, with data as a partner has it. What is done at each stop
// (a picture, a check) is the caller's business.
import { execFile } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Endpoint, Partner, run, until } from './world.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
// Short, as they are seen in pictures.
const newID = () => `ver_${randomBytes(4).toString('hex')}`;

/** seed makes a partner who has used the product for a while, and one who has just come. */
export async function seed({ history = false } = {}) {
  const partner = await Partner.create('Lakeside Lending');
  const newcomer = await Partner.create('Harbour Homes');
  const endpoints = {};
  for (const [name, path] of Object.entries({
    healthy: '/webhooks/cr3dentials', shaky: '/risk/ingest', off: '/tenants/screening', quiet: '/staging/webhooks',
  })) {
    endpoints[name] = await Endpoint.start(path);
  }
  const hooks = {
    quiet: await partner.hook(endpoints.quiet, { active: false, description: 'Staging, not in use yet' }),
    off: await partner.hook(endpoints.off, { description: 'Tenant screening', eventTypes: ['verification.completed'] }),
    shaky: await partner.hook(endpoints.shaky, {
      description: 'Risk warehouse', eventTypes: ['verification.failed', 'verification.expired'], typeNaming: 'detailed',
      payloadTemplate: {
        event: '{{ type }}', reference: '{{ data.sessionId }}', outcome: '{{ lower(data.status) }}', source: '{{ data.metadata.dataSource }}',
      },
    }),
    healthy: await partner.hook(endpoints.healthy, {
      description: 'Loan origination', authHeader: { name: 'x-api-key', value: 'lakeside-4711' },
    }),
  };
  if (history) {
    await promisify(execFile)('go', ['build', '-o', '.build/history', './localstack/browser/history'], { cwd: root });
    for (const [hook, how] of [['healthy', 'healthy'], ['off', 'failing'], ['shaky', 'failing']]) {
      await promisify(execFile)('.build/history', [partner.id, hooks[hook].id, how], { cwd: root });
    }
  }
  const data = { partner, newcomer, endpoints, hooks, stop: () => Promise.all(Object.values(endpoints).map((e) => e.stop())) };
  await events(data);
  return data;
}

/** events writes records of every kind; one delivery needs a second attempt, and one endpoint begins to fail. */
async function events({ partner, endpoints }) {
  endpoints.off.answers(503, { body: '{"error":"upstream connect error: connection refused"}' });
  const first = await partner.record('VERIFIED', newID());
  await partner.record('FAILED', newID());
  await partner.record(['MANUAL_REVIEW', 'VERIFIED'], newID());
  await partner.record('EXPIRED', newID());
  await until('the first event has arrived', () => endpoints.healthy.of(first).length > 0);
  endpoints.healthy.answers(502, { body: '<html><body><h1>502 Bad Gateway</h1></body></html>', headers: { 'content-type': 'text/html' } });
  const second = await partner.record('VERIFIED', newID());
  await until('it failed once', () => endpoints.healthy.of(second).length > 0);
  endpoints.healthy.answers(200);
}

/** switchedOff waits until the failing webhook has been switched off, and lets it hold some events. */
export async function switchedOff({ partner, hooks }) {
  await until('the failing webhook is switched off', async () => !(await partner.webhook(hooks.off.id)).active, 60_000);
  for (let i = 0; i < 4; i += 1) {
    await partner.record('VERIFIED', newID());
  }
  await until('its events are held', async () => (await partner.webhook(hooks.off.id)).heldCount >= 4);
}

/** tour goes everywhere and calls look with the name of each stop. */
export async function tour(tab, data, look) {
  await coming(tab, data, look);
  await forms(tab, data, look);
  await helpers(tab, data, look);
  await switchedOff(data);
  await lists(tab, data, look);
  await overviews(tab, data, look);
  await dialogs(tab, data, look);
  await tests(tab, data, look);
  await logs(tab, data, look);
  await recovery(tab, data, look);
  await ended(tab, data, look);
}

/** coming is all that is seen before there is a webhook. */
async function coming(tab, { newcomer, partner }, look) {
  const { page } = tab;
  await page.goto(run.consoleUrl);
  await tab.heading('Sign in').waitFor();
  await look('sign-in');
  await tab.enter(newcomer, '#/webhooks');
  await tab.heading('No webhooks yet').waitFor();
  await look('list-empty');
  await tab.go('#/nowhere');
  await tab.heading('Page not found').waitFor();
  await look('not-found');
  await tab.enter(partner, '#/webhooks');
}

async function forms(tab, { partner, hooks, endpoints }, look) {
  const { page } = tab;
  await tab.go('#/webhooks/new');
  await tab.field('Webhook URL').waitFor();
  await look('create');
  await tab.field('A body of my own').check();
  const preview = page.getByRole('region', { name: 'preview' });
  await preview.getByText('test_123 is verified').waitFor();
  // Faster than the page renders: what is typed is neither lost nor undone.
  await tab.field('Payload template').press('Control+a');
  await page.keyboard.type('{"text": "{{ data.verificationId }}, typed fast", "n": 1}');
  await preview.getByText('test_123, typed fast').waitFor();
  await look('create-template');
  await tab.field('The default body').check();
  tab.expects(/POST .*\/v1\/webhooks 422$/);
  await tab.field('Webhook URL').fill('http://192.168.0.1/webhook');
  await tab.field('Only some').check();
  await tab.field('Add a header').check();
  await tab.field('Header name').fill('content-type');
  await tab.field('Header value').fill('application/xml');
  await tab.field('A body of my own').check();
  await tab.field('Payload template').waitFor();
  await tab.button('Save webhook').click();
  await tab.sees(/fields need other values/);
  await look('create-refused');
  await tab.link('Cancel').click();
  await page.getByRole('dialog').waitFor();
  await look('create-leave');
  await tab.button('Leave').click();

  await tab.go('#/webhooks/new');
  await tab.field('Webhook URL').fill(`${endpoints.quiet.url}/made`);
  await tab.button('Save webhook').click();
  await tab.button('I have stored it').waitFor();
  await look('created-secret');
  await tab.button('I have stored it').click();
  await tab.link('Go to the webhook').waitFor();
  await look('created');
  const made = (await partner.webhooks()).find((w) => w.url.endsWith('/made'));
  await partner.api('DELETE', `/v1/webhooks/${made.id}`);

  await tab.go(`#/webhooks/${hooks.shaky.id}/edit`);
  await page.getByRole('region', { name: 'preview' }).waitFor();
  await look('edit');
  await conflict(tab, partner, hooks.shaky, look);
}

/** conflict is the edit of what another tab has changed meanwhile. */
async function conflict(tab, partner, hook, look) {
  tab.expects(/PATCH .* 412$/);
  await partner.api('PATCH', `/v1/webhooks/${hook.id}`, { description: 'Risk warehouse, failures only', autoReactivate: true });
  await tab.field(/^Description/).fill('Risk warehouse (owner: data team)');
  await tab.button('Save webhook').click();
  const dialog = tab.dialog('This webhook was changed meanwhile');
  await dialog.waitFor();
  await look('edit-conflict');
  await dialog.getByLabel('Use what you typed').check();
  await tab.button('Save this', dialog).click();
  await dialog.waitFor({ state: 'hidden' });
  await tab.sees('The webhook is saved.');
}

async function helpers(tab, { hooks }, look) {
  const { page } = tab;
  await tab.go('#/signature');
  await tab.field('Request body').waitFor();
  await look('signature');
  const body = '{"type":"verification.completed","status":"success"}';
  const signed = createHmac('sha256', hooks.healthy.secret).update(body).digest('hex');
  await tab.field('Request body').fill(body);
  await tab.field('Signature').fill(signed);
  await tab.field('Secret').fill(hooks.healthy.secret);
  await tab.button('Check signature').click();
  await tab.sees('The signature matches');
  await look('signature-matches');
  await tab.field('Request body').fill(JSON.stringify(JSON.parse(body), null, 2));
  await tab.button('Check signature').click();
  await tab.sees(/does not match/);
  await look('signature-explained');
  await tab.go('#/event-types');
  await page.getByRole('region', { name: /sample of/ }).first().waitFor();
  await look('event-types');
}

async function lists(tab, _, look) {
  await tab.go('#/webhooks');
  await tab.sees('Loan origination');
  await tab.sees('Switched off');
  await until('the sparklines are there', async () => await tab.page.getByRole('img').count() >= 3);
  await look('list');
}

async function overviews(tab, { hooks }, look) {
  for (const name of ['healthy', 'off', 'shaky', 'quiet']) {
    await tab.go(`#/webhooks/${hooks[name].id}`);
    await tab.heading('Settings').waitFor();
    await tab.heading('Deliveries').waitFor();
    if (name !== 'quiet') {
      await until('the charts are drawn', async () => await tab.page.locator('canvas').count() >= 2);
    }
    await look(`webhook-${name}`);
  }
}

async function dialogs(tab, { hooks, partner }, look) {
  const open = async (hook, button, title, look_) => {
    await tab.go(`#/webhooks/${hook.id}`);
    await tab.button(button).first().click();
    const dialog = tab.dialog(title);
    await dialog.waitFor();
    await look(look_);
    return dialog;
  };
  const { page } = tab;
  const escape = async (dialog) => {
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
  };
  await escape(await open(hooks.healthy, 'Deactivate', 'Deactivate this webhook?', 'deactivate'));
  const activate = await open(hooks.off, 'Activate', 'Activate this webhook?', 'activate');
  await tab.field('Discard them', activate).check();
  await look('activate-discard');
  await escape(activate);
  const remove = await open(hooks.off, 'Delete webhook', 'Delete this webhook?', 'delete');
  await tab.field(/^Type/, remove).fill('localhost');
  await tab.button('Delete webhook', remove).click();
  await look('delete-refused');
  await escape(remove);
  const rotate = await open(hooks.healthy, 'Rotate secret', 'Rotate the signing secret', 'rotate');
  await rotate.getByRole('button', { name: /^Rotate/ }).click();
  const made = tab.dialog('Your new signing secret');
  await made.waitFor();
  await look('rotated-secret');
  await tab.button('I have stored it', made).click();
  await tab.button('Complete now').waitFor();
  await look('webhook-rotating');
  await tab.button('Complete now').click();
  const complete = page.getByRole('dialog');
  await complete.waitFor();
  await look('rotation-complete');
  await escape(complete);
  await partner.api('POST', `/v1/webhooks/${hooks.healthy.id}/secret/cancel`);
}

async function tests(tab, { hooks, endpoints }, look) {
  await tab.go(`#/webhooks/${hooks.healthy.id}/test`);
  await tab.button('Send test').waitFor();
  await look('test');
  await tab.button('Send test').click();
  await tab.sees('Your endpoint answered 200.');
  await look('test-delivered');
  await tab.go(`#/webhooks/${hooks.off.id}/test`);
  await tab.button('Send test').click();
  await tab.sees('Your endpoint answered 503.');
  await look('test-failed');
  await tab.go(`#/webhooks/${hooks.quiet.id}/test`);
  await endpoints.quiet.stop();
  await tab.button('Send test').click();
  await tab.sees('No answer came.');
  await look('test-refused');
}

async function logs(tab, { hooks, partner, endpoints }, look) {
  const { page } = tab;
  const rows = (text) => page.getByRole('row').filter({ hasText: text });
  await tab.go(`#/webhooks/${hooks.quiet.id}/logs`);
  await tab.heading('No deliveries yet').waitFor();
  await look('logs-empty');
  await tab.go(`#/webhooks/${hooks.off.id}/logs`);
  await rows('Exhausted').first().waitFor();
  await look('logs-off');
  await rows('Exhausted').first().getByRole('link').first().click();
  await tab.heading('Attempt 6').waitFor();
  await look('delivery-exhausted');
  await tab.go(`#/webhooks/${hooks.off.id}/logs?state=held`);
  await rows('On activation').first().waitFor();
  await look('logs-filtered');
  await rows('On activation').first().getByRole('link').first().click();
  await tab.heading('Request').waitFor();
  await look('delivery-held');
  await tab.go(`#/webhooks/${hooks.off.id}/logs?state=expired`);
  await tab.heading('Nothing matches these filters').waitFor();
  await look('logs-nothing-matches');

  endpoints.healthy.answers(500, { body: '{"error":"deadlock detected"}' });
  const waiting = await partner.record('VERIFIED', newID());
  await tab.go(`#/webhooks/${hooks.healthy.id}/logs`);
  await rows(waiting).waitFor();
  await until('three attempts have failed', () => endpoints.healthy.of(waiting).length >= 3);
  await look('logs');
  await rows(waiting).getByRole('link').first().click();
  await tab.sees('Planned');
  await look('delivery-waiting');
  endpoints.healthy.answers(200);
  await tab.sees('HTTP 200');
  await look('delivery-delivered');
}

async function recovery(tab, { hooks }, look) {
  await tab.go(`#/webhooks/${hooks.off.id}/recover`);
  await tab.button('Count').waitFor();
  await look('recover');
  await tab.button('Count').click();
  await tab.sees(/fits?\./);
  await look('recover-counted');
}

/** ended is what is seen when the session is over, and when the API can't be reached. */
async function ended(tab, { hooks }, look) {
  const { page } = tab;
  tab.expects(/net::ERR_CONNECTION_REFUSED$/);
  await page.route(/\/v1\//, (route) => route.abort('connectionrefused'));
  await tab.go(`#/webhooks/${hooks.quiet.id}`);
  await page.getByRole('alert').first().waitFor();
  await look('not-loaded');
  await page.unroute(/\/v1\//);
  tab.expects(/ 401$/);
  await page.route(/\/v1\//, (route) => route.fulfill({
    status: 401, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Unauthorized', status: 401 }),
  }));
  await tab.go(`#/webhooks/${hooks.healthy.id}/edit`);
  await tab.dialog('Your session has ended').waitFor();
  await look('session-ended');
  await tab.button('Not now').click();
  await tab.button('Continue session').waitFor();
  await look('session-ended-later');
}
