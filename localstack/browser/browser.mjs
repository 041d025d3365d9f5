// Chromium, and a tab of it that notices everything that is not as it should be.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { run, state, until } from './world.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const noted = join(here, '..', '.state', 'chromium');

function executable() {
  if (process.env.CHROME) {
    return process.env.CHROME;
  }
  if (!existsSync(noted)) {
    throw new Error('no Chromium is known: `make browser` and `make test` look for one, or install it');
  }
  return readFileSync(noted, 'utf8').trim();
}

let launched;
/** browser is one Chromium for all tests of a file. */
export function browser() {
  launched ??= chromium.launch({
    executablePath: executable(),
    // Chromium does not start as root with its sandbox.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ['--disable-gpu'],
  });
  return launched;
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Tab is a page of the console, or of anything else that the portal serves, in a browser profile of its own. */
export class Tab {
  problems = [];
  #expected = [];
  #origins = [new URL(run.consoleUrl).origin];

  static async open({ width = 1280, height = 900, colorScheme = 'light', ...more } = {}) {
    const context = await (await browser()).newContext({
      viewport: { width, height }, colorScheme, reducedMotion: 'reduce', locale: 'en-GB', timezoneId: 'Europe/Berlin', ...more,
    });
    context.setDefaultTimeout(15_000);
    const tab = new Tab();
    tab.context = context;
    await context.exposeBinding('tabReport', (_, problem) => { tab.problems.push(problem); });
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (e) => {
        window.tabReport(`content security policy: ${e.effectiveDirective} blocked ${e.blockedURI} at ${e.sourceFile}:${e.lineNumber}`);
      });
    });
    context.on('page', (page) => tab.#watch(page));
    tab.page = await context.newPage();
    return tab;
  }

  #watch(page) {
    page.on('console', (m) => {
      // Of a request that failed the console says less than we know.
      if (['error', 'warning', 'assert'].includes(m.type()) && !m.text().startsWith('Failed to load resource')) {
        this.#noticed(`console ${m.type()}: ${m.text()} (${m.location().url})`);
      }
    });
    page.on('pageerror', (error) => this.problems.push(`error in the page: ${error.stack ?? error}`));
    page.on('request', (r) => {
      const url = new URL(r.url());
      if (!this.#origins.includes(url.origin) && !['data:', 'blob:', 'about:'].includes(url.protocol)) {
        this.problems.push(`a request to another host: ${r.url()}`);
      }
    });
    page.on('response', (r) => {
      if (r.status() >= 400) {
        this.#failed(r.request(), r.status());
      }
    });
    page.on('requestfailed', (r) => {
      // The page itself gives up a request that it no longer needs.
      if (r.failure()?.errorText !== 'net::ERR_ABORTED') {
        this.#failed(r, r.failure()?.errorText);
      }
    });
  }

  #failed(request, how) {
    const url = new URL(request.url());
    this.#noticed(`a request failed: ${request.method()} ${url.pathname}${url.search} ${how}`);
  }

  #noticed(problem) {
    const expected = this.#expected.find((e) => e.pattern.test(problem));
    if (expected) {
      expected.seen += 1;
    } else {
      this.problems.push(problem);
    }
  }

  /**
   * expects announces problems that match, of which one must come: "a request failed: METHOD path?query status", with a
   * network error in place of the status, or "console error: text".
   */
  expects(pattern) {
    this.#expected.push({ pattern, seen: 0 });
  }

  /** allows lets pages of another origin be asked for. */
  allows(origin) {
    this.#origins.push(origin);
  }

  /** done closes the tab and returns all that was wrong. */
  async done() {
    await this.context.close();
    const missing = this.#expected.filter((e) => e.seen === 0).map((e) => `there was no problem like ${e.pattern}`);
    return [...this.problems, ...missing];
  }

  /** enter opens the console with a new portal session of a partner. */
  async enter(partner, hash) {
    const { url, token } = await partner.session();
    await this.page.goto(url);
    // Where another partner was in this tab, the page finds out whose the link is, and begins anew.
    const entered = (mine) => sessionStorage.getItem('console.token') === mine && !document.querySelector('dialog') && Boolean(document.querySelector('main h1'));
    await until('the session has begun', () => this.page.evaluate(entered, token).catch(() => false));
    if (hash) {
      await this.go(hash);
    }
  }

  /** go follows a route of the console without loading it anew. */
  async go(hash) {
    await this.page.evaluate((h) => { location.hash = h; }, hash);
  }

  button(name, within = this.page) { return within.getByRole('button', { name, exact: typeof name === 'string' }); }
  link(name, within = this.page) { return within.getByRole('link', { name, exact: typeof name === 'string' }); }
  heading(name, within = this.page) { return within.getByRole('heading', { name }); }
  dialog(name) { return this.page.getByRole('dialog', { name }); }
  field(label, within = this.page) { return within.getByLabel(label, { exact: typeof label === 'string' }); }

  /** sees waits until a text can be seen. */
  async sees(text, within = this.page) {
    await within.getByText(text).filter({ visible: true }).first().waitFor();
  }

  /** axe notes what axe-core finds, in both colour schemes unless told otherwise. */
  async axe(what, schemes = ['light', 'dark']) {
    for (const colorScheme of schemes) {
      await this.paint({ colorScheme });
      if (!(await this.page.evaluate(() => 'axe' in window))) {
        await this.page.evaluate(axeSource);
      }
      const { violations } = await this.page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      for (const v of violations) {
        for (const n of v.nodes) {
          this.problems.push(`axe, ${what}, ${colorScheme}: ${v.id} (${v.impact}): ${v.help}\n    ${n.html}\n    ${n.failureSummary}`);
        }
      }
    }
    await this.paint({ colorScheme: 'light' });
  }

  /** paint changes the colour scheme or the window, and waits until that can be seen. */
  async paint({ colorScheme, width, height = 800 }) {
    if (colorScheme) {
      await this.page.emulateMedia({ colorScheme });
    }
    if (width) {
      await this.page.setViewportSize({ width, height });
    }
    await this.page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
  }

  /** fits notes it if the page scrolls sideways, with the elements that stick out. */
  async fits(what) {
    const wide = await this.page.evaluate(() => {
      const root = document.documentElement;
      if (root.scrollWidth <= root.clientWidth) {
        return null;
      }
      return [...document.querySelectorAll('body *')]
        .filter((e) => e.getBoundingClientRect().right > root.clientWidth + 0.5)
        .slice(0, 5).map((e) => `${e.tagName.toLowerCase()}.${e.className}`).join(', ') || 'nothing seen';
    });
    if (wide !== null) {
      this.problems.push(`${what}: the page scrolls sideways at ${this.page.viewportSize().width} px: ${wide}`);
    }
  }

  /** show saves what the page looks like, for whoever looks into a failure. */
  async show(name) {
    const folder = join(state, 'browser');
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `${name.replace(/[^a-z0-9]+/gi, '-')}.png`);
    await this.page.screenshot({ path, fullPage: true });
    return path;
  }
}
