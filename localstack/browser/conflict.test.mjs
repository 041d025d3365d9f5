// Two tabs with the same webhook: the second to save is told, and nothing is overwritten.
import assert from 'node:assert/strict';
import { consoleTest } from './harness.mjs';
import { until } from './world.mjs';

consoleTest('a second tab does not overwrite the first', async ({ tab, page, partner, endpoint }) => {
  tab.expects(/PATCH .* 412$/);
  const hook = await partner.hook(endpoint, { description: 'As it was' });
  await tab.enter(partner, `#/webhooks/${hook.id}/edit`);
  const description = tab.field(/^Description/);
  await until('the form is filled', async () => await description.inputValue() === 'As it was');

  // The other tab.
  await partner.api('PATCH', `/v1/webhooks/${hook.id}`, { description: 'By the other tab', typeNaming: 'detailed' });

  // What this tab alone changed is no conflict; what both did is one.
  await description.fill('By this tab');
  await tab.field('Activate it again by itself').check();
  await tab.button('Save webhook').click();
  const dialog = tab.dialog('This webhook was changed meanwhile');
  await dialog.waitFor();
  await tab.sees('By the other tab', dialog);
  await tab.sees('By this tab', dialog);
  const before = await partner.webhook(hook.id);
  assert.deepEqual([before.description, before.autoReactivate], ['By the other tab', false]);

  await tab.button('Save this', dialog).click();
  await tab.sees('Choose which one to keep.', dialog);
  await dialog.getByLabel('Use what you typed').check();
  await tab.button('Save this', dialog).click();
  await dialog.waitFor({ state: 'hidden' });
  await tab.sees('The webhook is saved.');
  const after = await partner.webhook(hook.id);
  assert.deepEqual([after.description, after.typeNaming, after.autoReactivate], ['By this tab', 'detailed', true]);
});
