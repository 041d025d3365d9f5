// A walk through every page, dialog and state of the console, with data as a partner has it. What is done at each stop
// (a picture, a check) is the caller's business.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Endpoint, Partner, run, until } from './world.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
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
  await listAndForms(tab, data, look);
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

async function listAndForms(tab, { hooks }, look) {
  const { page } = tab;
  await tab.sees('Loan origination');
  await until('the sparklines are there', async () => await page.getByRole('img').count() >= 3);
  await look('list');
}
