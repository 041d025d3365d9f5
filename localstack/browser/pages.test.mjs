// Every page, dialog and state: axe-core finds nothing in either colour scheme, and the page never scrolls sideways.
import { consoleTest } from './harness.mjs';
import { seed, tour } from './tour.mjs';

consoleTest('every page is accessible and fits', async ({ tab }) => {
  const data = await seed();
  try {
    await tour(tab, data, async (name) => {
      for (const width of [360, 1280]) {
        await tab.paint({ width });
        await tab.fits(name);
        await tab.axe(`${name}, ${width} px`);
      }
    });
  } finally {
    await data.stop();
  }
});
