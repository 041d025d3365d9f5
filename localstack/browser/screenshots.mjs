// Pictures of every page, dialog and state of a running copy's console: node screenshots.mjs FOLDER. The data is real:
// webhooks of a partner that is made for it, and what the product made of their events.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { browser, Tab } from './browser.mjs';
import { seed, tour } from './tour.mjs';

const folder = process.argv[2];
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const data = await seed({ history: true });
const tab = await Tab.open();
let stops = 0;
try {
  await tour(tab, data, async (name) => {
    stops += 1;
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [1280, 360]) {
        await tab.paint({ colorScheme, width });
        // A window as high as the page, so that what sticks to its end is there; dialogs lie in the middle of one as ever.
        const tall = await tab.page.evaluate(() => (document.querySelector('dialog[open]') ? 0 : document.documentElement.scrollHeight));
        await tab.paint({ width, height: Math.max(800, tall) });
        const file = `${String(stops).padStart(2, '0')}-${name}-${width}-${colorScheme}.png`;
        await tab.page.screenshot({ path: join(folder, file) });
      }
    }
    await tab.paint({ colorScheme: 'light', width: 1280 });
  });
} finally {
  await data.stop();
  const problems = await tab.done();
  await (await browser()).close();
  console.log(`${stops} states, each at 1280 and 360 px, light and dark: ${folder}`);
  if (problems.length > 0) {
    console.error(problems.join('\n'));
    process.exitCode = 1;
  }
}
