// What surrounds the console: how it is served and framed, and the API's documentation beside it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './world.mjs';

test('the console is served under a strict policy', async () => {
  const response = await fetch(run.consoleUrl);
  assert.equal(response.status, 200);
  const policy = response.headers.get('content-security-policy');
  assert.match(policy, /(^|; ?)default-src 'none'/);
  assert.match(policy, /frame-ancestors /);
  assert.doesNotMatch(policy, /unsafe|\*|https?:/);
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.equal(response.headers.get('referrer-policy'), 'no-referrer');
});

