// Everything can be reached and done without a mouse.
import assert from 'node:assert/strict';
import { consoleTest } from './harness.mjs';
import { until } from './world.mjs';

/** tabTo presses Tab until the element with a role and name has the focus. */
async function tabTo(page, role, name, most = 80) {
  const target = page.getByRole(role, { name });
  for (let i = 0; i < most; i += 1) {
    if (await target.evaluateAll((all) => all.includes(document.activeElement))) {
      return;
    }
    await page.keyboard.press('Tab');
  }
  assert.fail(`${role} ${name} is not reached in ${most} presses of Tab`);
}

/** seesFocus fails if the focused element looks as it does without the focus. */
async function seesFocus(page) {
  const [focused, blurred] = await page.evaluate(() => {
    const e = document.activeElement;
    const look = () => {
      const s = getComputedStyle(e);
      return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor].join();
    };
    const with_ = look();
    e.blur();
    const without = look();
    e.focus({ focusVisible: true });
    return [with_, without];
  });
  assert.notEqual(focused, blurred, 'the focus is not visible');
}

consoleTest('a webhook is created and tested with the keyboard alone', async ({ tab, page, partner, endpoint }) => {
  const keys = page.keyboard;
  await tab.enter(partner);
  await tab.link('Create webhook').first().waitFor();
  await tabTo(page, 'link', 'Create webhook');
  await seesFocus(page);
  await keys.press('Enter');
  await tab.field('Webhook URL').waitFor();
  await tabTo(page, 'textbox', /^Webhook URL/);
  await seesFocus(page);
  await keys.type(endpoint.url);
  await tabTo(page, 'button', 'Save webhook');
  await seesFocus(page);
  await keys.press('Enter');
  await tab.sees(/whsec_/);
  endpoint.secrets.push((await page.locator('body').innerText()).match(/whsec_[A-Za-z0-9+/=]+/)[0]);
  await tabTo(page, 'button', 'I have stored it');
  await keys.press('Enter');
  await tabTo(page, 'link', 'Send a test');
  await keys.press('Enter');
  await tab.heading('Test').first().waitFor();
  await tabTo(page, 'button', 'Send test');
  await seesFocus(page);
  await keys.press('Enter');
  await until('the test has arrived', () => endpoint.of('test_123').length === 1);
  await tab.sees(/200/);
});
