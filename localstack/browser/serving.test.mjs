// What surrounds the console: how it is served and framed, and the API's documentation beside it.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { consoleTest } from './harness.mjs';
import { close, listen, run, until } from './world.mjs';

const docsUrl = new URL('../docs/', run.consoleUrl).href;

for (const url of [run.consoleUrl, docsUrl]) {
  test(`${new URL(url).pathname.split('/').at(-2)} is served compressed, under a strict policy, and kept by the browser`, async () => {
    const page = await fetch(url);
    assert.equal(page.status, 200);
    const header = (name) => page.headers.get(name) ?? '';
    assert.match(header('content-security-policy'), /(^|; ?)default-src 'none'/);
    assert.match(header('content-security-policy'), /frame-ancestors /);
    assert.doesNotMatch(header('content-security-policy'), /unsafe|\*|https?:/);
    assert.equal(header('x-content-type-options'), 'nosniff');
    assert.equal(header('referrer-policy'), 'no-referrer');
    assert.equal(header('cache-control'), 'no-cache');
    assert.equal((await fetch(url, { headers: { 'if-none-match': header('etag') } })).status, 304);

    const assets = [...(await page.text()).matchAll(/(?:src|href)="([^":]+\.(?:js|css))"/g)].map((m) => new URL(m[1], url));
    assert.ok(assets.length >= 2);
    for (const asset of assets) {
      const response = await fetch(asset);
      assert.equal(response.status, 200, asset.href);
      assert.match(response.headers.get('cache-control'), /immutable/);
      assert.equal(response.headers.get('content-encoding'), 'gzip');
    }
  });
}

consoleTest('the documentation shows the API, and asks nobody else', async ({ tab, page }) => {
  await page.goto(docsUrl);
  await tab.sees('/v1/webhooks/{webhookId}/secret/rotate');
  // An operation opens, with its schema.
  await page.getByRole('button', { name: /post.*\/v1\/webhooks Create a webhook/i }).first().click();
  await tab.sees(/Idempotency-Key/);
  const licences = await fetch(new URL(await tab.link('Licences of third parties').getAttribute('href'), docsUrl));
  assert.equal(licences.headers.get('content-type'), 'text/plain; charset=utf-8');
  assert.match(await licences.text(), /\nuplot \d/);
  await tab.link('Console').click();
  await tab.heading('Sign in').waitFor();
});

/** parent serves a page with the console in a frame, from another origin. */
async function parent(frame) {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><title>Portal</title><iframe title="Webhooks" src="${frame}" width="1000" height="700"></iframe>`);
  });
  return { server, origin: `http://localhost:${await listen(server)}` };
}

consoleTest('no page may embed the console unless it is configured', async ({ tab, page }) => {
  const { server, origin } = await parent(run.consoleUrl);
  try {
    tab.allows(origin);
    tab.expects(/console error: .*(frame-ancestors|X-Frame-Options)/);
    tab.expects(/net::ERR_BLOCKED_BY_RESPONSE/);
    await page.goto(origin);
    const frame = await until('the frame is refused', () => page.frames().find((f) => f.url().startsWith('chrome-error:')));
    assert.equal(await frame.getByRole('heading', { name: 'Sign in' }).count(), 0);
  } finally {
    await close(server);
  }
});

consoleTest('a page that is configured embeds the console, which works there', async ({ tab, page, partner, endpoint }) => {
  await partner.hook(endpoint);
  const { url } = await partner.session();
  const { server, origin } = await parent(url);
  try {
    tab.allows(origin);
    // The setting is of the deployment (infra): here the answer's headers are what they would be with it.
    await page.route((u) => u.pathname.endsWith('/console/'), async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers() };
      delete headers['x-frame-options'];
      headers['content-security-policy'] = headers['content-security-policy'].replace("frame-ancestors 'none'", `frame-ancestors ${origin}`);
      await route.fulfill({ response, headers });
    });
    await page.goto(origin);
    const frame = page.frameLocator('iframe[title="Webhooks"]');
    await frame.getByText(new RegExp(new URL(endpoint.url).port)).first().waitFor();
    await frame.getByRole('link', { name: 'Event types' }).click();
    await frame.getByRole('heading', { name: 'Event types' }).waitFor();
  } finally {
    await close(server);
  }
});
