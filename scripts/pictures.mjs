/**
 * `npm run pictures -- VIDEOS HOME`: the pictures of docs/page, of two short searches on the Weizmann clips, as a Chromium
 * of the system shows them. HOME keeps the searches: where it has them, the pictures alone are made anew.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { findChromium } from './browser.mjs';
import { alone, Problem } from './setup/steps.mjs';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const PICTURES = join(ROOT, 'docs/page');
/** A port that seldom anybody else has. */
const URL_OF_SERVICE = 'http://127.0.0.1:8249';
/** Longest that a busy machine may take for the searches. */
const PATIENCE_MS = 3 * 3600_000;

const data = (path) => ({ path, group: '([^/_]+)_[^/]*$' });
const SEARCHES = [
  { name: 'Weizmann actions', target: '4M', method: 'race', recipe: { steps: 320 } },
  { name: 'Weizmann, paper', target: '3M', method: 'paper', recipe: { steps: 400 } },
];

const DESK = { viewport: { width: 1100, height: 1500 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 };

async function ask(path, body) {
  const response = await fetch(`${URL_OF_SERVICE}${path}`, {
    ...(body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
  if (response.status === 503) {
    await new Promise((done) => setTimeout(done, 3000));
    return ask(path, body);
  }
  if (!response.ok) throw new Problem(`${path}: ${await response.text()}`, 'See docs/page.md.');
  return response.json();
}

/** Each search as it ended, begun where the home has none of its name. */
async function searched(videos) {
  const ids = [];
  for (const search of SEARCHES) {
    const { searches } = await ask('/searches?limit=100');
    const known = searches.find(({ configuration }) => configuration.name === search.name);
    ids.push((known ?? (await ask('/searches', { ...search, data: data(videos) }))).id);
  }
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const views = await Promise.all(ids.map((id) => ask(`/searches/${id}`)));
    if (views.every(({ status }) => status === 'ended')) return ids;
    const lost = views.find(({ status }) => status !== 'ended' && status !== 'running');
    if (lost || Date.now() > until)
      throw new Problem(
        `The searches did not end: ${JSON.stringify(lost ?? views)}.`,
        'See the log of the service.',
      );
    await new Promise((done) => setTimeout(done, 5000));
  }
}

async function see(browser, options, hash, ready, file, make = async () => {}) {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(180_000);
  await page.goto(`${URL_OF_SERVICE}/#${hash}`);
  await ready(page);
  await make(page);
  // Charts come a moment after their figures.
  await page.waitForTimeout(3000);
  const jpeg = file.endsWith('.jpg') ? { type: 'jpeg', quality: 80 } : {};
  await page.screenshot({ path: join(PICTURES, file), ...jpeg });
  await page.close();
}

async function pictures(videos, [race]) {
  const executablePath = findChromium();
  const browser = await chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  const heading = (name) => (page) => page.getByRole('heading', { name }).first().waitFor();
  const charted = (page) => page.locator('figure.chart canvas').nth(3).waitFor();
  const { rounds } = await ask(`/searches/${race}/trajectory`);
  const candidate = rounds.at(-2).winner?.candidate ?? rounds.at(-1).candidates[0].id;
  const light = { colorScheme: 'light' };
  const dark = { colorScheme: 'dark' };
  await see(browser, { ...DESK, ...light }, `/searches/${race}`, charted, 'search.png');
  await see(
    browser,
    { ...DESK, ...dark },
    `/searches/${race}/candidates/${candidate}`,
    heading(/gets wrong|gets every/),
    'candidate.jpg',
    async (page) => {
      await page.locator('.network').scrollIntoViewIfNeeded();
      await page.mouse.wheel(0, 300);
      for (const video of await page.locator('.playing').all()) await video.scrollIntoViewIfNeeded();
      const shown = await page.locator('.playing').count();
      await page
        .locator('video')
        .nth(shown - 1)
        .waitFor();
    },
  );
  await see(browser, { ...PHONE, ...dark }, '/', heading('Searches'), 'phone.png');
  await see(browser, { ...PHONE, ...light }, `/searches/${race}`, charted, 'phone-search.png', (page) =>
    page
      .getByRole('heading', { name: 'Accuracy against cost' })
      .evaluate((element) => element.scrollIntoView()),
  );
  const [label] = readdirSync(videos);
  const [video] = readdirSync(join(videos, label));
  await see(
    browser,
    { ...DESK, viewport: { width: 1100, height: 760 }, ...light },
    `/searches/${race}/try`,
    heading('Try it on a video'),
    'try.jpg',
    async (page) => {
      await page.getByLabel('Video', { exact: true }).setInputFiles(join(videos, label, video));
      await page.getByRole('columnheader', { name: 'Score' }).waitFor();
    },
  );
  await browser.close();
}

await alone(async () => {
  const [videos, home] = process.argv.slice(2);
  if (videos === undefined || home === undefined)
    throw new Problem('Expected the folder of the videos and a home.', '`npm run pictures -- VIDEOS HOME`');
  const service = spawn(
    process.execPath,
    [
      join(ROOT, 'bin/x3d-search.js'),
      ...['serve', '--port', new URL(URL_OF_SERVICE).port, '--home', home, '--data-root', resolve(videos)],
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  try {
    for (;;) {
      const ready = await fetch(`${URL_OF_SERVICE}/readyz`).catch(() => undefined);
      if (ready?.ok) break;
      if (service.exitCode !== null) throw new Problem('The service does not start.', 'See what it says.');
      await new Promise((done) => setTimeout(done, 500));
    }
    await pictures(resolve(videos), await searched(resolve(videos)));
  } finally {
    service.kill('SIGTERM');
    if (service.exitCode === null) await once(service, 'exit');
  }
});
