// What a test of the console begins and ends with.
import { after, test } from 'node:test';
import { browser, Tab } from './browser.mjs';
import { Endpoint, Partner } from './world.mjs';

/** steps returns a function that does one step of a test after the other; the first that fails is the last. */
export function steps(t) {
  return async (name, body) => {
    let failure;
    await t.test(name, async () => {
      try {
        await body();
      } catch (error) {
        failure = error;
        throw error;
      }
    });
    if (failure) {
      throw failure;
    }
  };
}

/**
 * consoleTest is a test with a partner, a tab and an endpoint of its own. It fails on all that the tab noticed, and on
 * requests to the endpoint whose signatures do not verify.
 */
export function consoleTest(name, options, body) {
  if (typeof options === 'function') {
    return consoleTest(name, {}, options);
  }
  return test(name, { timeout: 170_000 }, async (t) => {
    const partner = await Partner.create(name);
    const endpoint = await Endpoint.start();
    const tab = await Tab.open(options);
    let failure;
    try {
      await body({ t, partner, endpoint, tab, page: tab.page });
    } catch (error) {
      failure = error;
      const seen = await tab.page.locator('body').ariaSnapshot({ timeout: 2000 }).catch(() => '(no page)');
      t.diagnostic(`${tab.page.url()}\n${seen}\n${await tab.show(name).catch(String)}`);
    }
    await endpoint.stop();
    const problems = [...await tab.done(), ...endpoint.problems];
    if (problems.length > 0) {
      throw new Error([failure?.stack, ...problems].filter(Boolean).join('\n'));
    }
    if (failure) {
      throw failure;
    }
  });
}

after(async () => { await (await browser()).close(); });
