/** A Chromium of the system, with nothing of its own to show: what a test does in it is what a person does. */
import { createRequire } from 'node:module';
import { type Browser, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';

const { findChromium } = (await import(new URL('../../scripts/browser.mjs', import.meta.url).href)) as {
  findChromium(): string | undefined;
};
const CHROMIUM = findChromium();
/** Why there can be no such test here; undefined where there can. */
export const NO_BROWSER =
  CHROMIUM === undefined ? 'there is no Chromium (npm run setup:chromium)' : undefined;

export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    ...(CHROMIUM !== undefined && { executablePath: CHROMIUM }),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });

/** How long a busy machine may take for anything, milliseconds. */
const PATIENCE_MS = 90_000;

/** A page whose scripts may fail in nothing, and which may ask nobody but `url`. */
export async function openPage(
  browser: Browser,
  url: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<Page & { readonly faults: readonly string[] }> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url) && !/^(blob|data):/.test(request.url()))
      faults.push(`asked for ${request.url()}`);
  });
  return Object.assign(page, { faults });
}

const axe: { readonly source: string } = createRequire(import.meta.url)('axe-core');

/** What axe finds that keeps people out, on the page as it is shown. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: { run(): Promise<Found> } }).axe.run();
    return violations;
  });
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(
      ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`,
    );
}
interface Found {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string;
    readonly help: string;
    readonly nodes: readonly { readonly target: readonly string[] }[];
  }[];
}

/** Goes by Tab until what has the focus is called `name`. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  for (let step = 0; step < 80; step++) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(() => {
      const element = document.activeElement as HTMLElement & { labels?: NodeListOf<HTMLElement> };
      return (
        element.getAttribute('aria-label') ??
        element.labels?.[0]?.textContent ??
        element.textContent ??
        ''
      ).trim();
    });
    if (typeof name === 'string' ? focused.startsWith(name) : name.test(focused)) return;
  }
  expect.fail(`no Tab comes to ${name}`);
}
