// Every page, dialog and state: axe-core finds nothing in either colour scheme, and the page never scrolls sideways.
import { consoleTest } from './harness.mjs';
import { seed, tour } from './tour.mjs';

consoleTest('every page is accessible and fits', async ({ tab }) => {
  const data = await seed();
  try {
    await tour(tab, data, async (name) => {
      // Each width in one of the colour schemes: colours do not depend on it.
      for (const [width, colorScheme] of [[360, 'dark'], [1280, 'light']]) {
        await tab.paint({ width, colorScheme });
        await tab.fits(name);
        await tab.axe(`${name}, ${width} px`, [colorScheme]);
      }
    });
  } finally {
    await data.stop();
  }
});
