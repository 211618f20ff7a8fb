/** The page in a real browser: what people see and do, from the form to a prediction. */
import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { DARK, LIGHT } from '../../src/search/picture.js';
import { trajectoryOf } from '../../src/search/trajectory.js';
import { end, type Stand, stand } from '../api/stand.js';
import { tableOfBase } from '../flops/tables.js';
import { configured, searched, wonBy } from '../search/searching.js';
import { NO_BROWSER, openBrowser, openPage, seriousFaults, tabTo } from './browser.js';

/** A busy machine takes long for real trainings. */
const PATIENCE_MS = 900_000;

describe.skipIf(NO_BROWSER !== undefined)(`the page${NO_BROWSER ? `, as ${NO_BROWSER}` : ''}`, () => {
  let at: Stand;
  let service: ChildProcess;
  let browser: Browser;
  /** A search that waits, since nobody trains. */
  let waiting: string;
  beforeAll(async () => {
    [at, browser] = await Promise.all([stand(), openBrowser()]);
    service = await at.startService();
    const input = { data: at.data, target: '2G', name: 'waiting', method: 'paper' };
    const response = await at.post('/searches', input);
    waiting = ((await response.json()) as { id: string }).id;
  }, PATIENCE_MS);
  afterAll(async () => {
    await browser?.close();
    await at?.close();
  });

  const see = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

  test(
    'leads from the form to a search that is watched, a candidate, and a prediction',
    async () => {
      const own = await stand({ trainer: null, data: at.data });
      onTestFinished(() => own.close());
      await own.startService();
      own.startWorker();
      own.startWorker();
      const page = await openPage(browser, own.url());
      await page.goto(own.url());
      await page.getByText('There are none yet').waitFor();
      await page.getByRole('link', { name: 'New search' }).first().click();

      await page.getByLabel('Videos', { exact: true }).fill(at.data.path);
      await page.getByLabel('Target', { exact: true }).fill('lots');
      await page.getByRole('button', { name: 'Start the search' }).click();
      await see(page, /Expected a number above zero/);
      expect(await page.getByLabel('Target', { exact: true }).getAttribute('aria-invalid')).toBe('true');

      await page.getByLabel('Target', { exact: true }).fill('1M');
      await page.getByLabel('Name', { exact: true }).fill('shapes');
      await page.getByText('More choices').click();
      await page.getByLabel('Method', { exact: true }).selectOption('paper');
      await page.getByLabel('Steps of a full training').fill('8');
      await page.getByRole('button', { name: 'Check and estimate' }).click();
      await see(page, 'It can begin');
      await page.getByRole('button', { name: 'Start the search' }).click();

      await page.getByRole('heading', { name: 'shapes', level: 1 }).waitFor();
      await page.getByRole('heading', { name: /Under way/ }).waitFor();
      await page.locator('progress').first().waitFor();
      await page.getByText('Finished', { exact: true }).waitFor({ timeout: PATIENCE_MS });
      await page.getByRole('heading', { name: 'Choices' }).waitFor();
      expect(await seriousFaults(page), 'of the search').toEqual([]);
      expect(await page.locator('figure.chart canvas').count()).toBeGreaterThanOrEqual(4);
      const taken = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Save “Accuracy against cost” as CSV' }).click();
      expect((await taken).suggestedFilename()).toMatch(/-accuracy\.csv$/);

      await page.getByRole('region', { name: 'What each round chose' }).getByRole('link').first().click();
      await page.getByRole('heading', { name: 'Confusion matrix' }).waitFor();
      await page.getByRole('heading', { name: /gets wrong/ }).waitFor();
      // Fetched once it comes into view.
      await page.locator('.playing').first().scrollIntoViewIfNeeded();
      const video = page.locator('video').first();
      await video.waitFor();
      await expect
        .poll(() => video.evaluate((element: HTMLVideoElement) => element.readyState), { timeout: 60_000 })
        .toBeGreaterThanOrEqual(2);
      const paused = () => video.evaluate((element: HTMLVideoElement) => element.paused);
      await expect.poll(paused, { timeout: 60_000 }).toBe(false);
      expect(await seriousFaults(page), 'of the candidate').toEqual([]);

      await page.goBack();
      await page.getByRole('link', { name: 'try it on a video' }).click();
      const [label = ''] = readdirSync(at.data.path);
      const [name = ''] = readdirSync(join(at.data.path, label));
      await page.getByLabel('Video', { exact: true }).setInputFiles(join(at.data.path, label, name));
      await page.getByRole('columnheader', { name: 'Score' }).waitFor();
      await page.getByLabel('Video', { exact: true }).setInputFiles({
        name: 'no-video.mp4',
        mimeType: 'video/mp4',
        buffer: Buffer.from('this is no video'),
      });
      await page.getByRole('alert').waitFor();
      await page.getByText('which this browser can’t play').waitFor();
      expect(await page.locator('video').isVisible()).toBe(false);
      expect(page.faults).toEqual([]);
      await page.close();
    },
    PATIENCE_MS,
  );

  test(
    'takes a latency as the target, with the table of the device',
    async () => {
      const page = await openPage(browser, at.url());
      await page.goto(at.url());
      await page.getByRole('link', { name: 'New search' }).first().click();
      await page.getByLabel('Videos', { exact: true }).fill(at.data.path);
      await page.getByLabel('Target', { exact: true }).fill('2ms');
      const start = () => page.getByRole('button', { name: 'Start the search' }).click();
      const table = page.getByLabel('Device table', { exact: true });
      const give = (text: string) =>
        table.setInputFiles({
          name: 'device.json',
          mimeType: 'application/json',
          buffer: Buffer.from(text),
        });
      await start();
      // The field lies among those that are folded away.
      const hint = page.locator('#deviceTable-hint');
      await hint.filter({ hasText: "Expected a table of the device's latencies, got nothing." }).waitFor();
      await give('no table');
      await start();
      await hint.filter({ hasText: /^Expected a table as JSON: / }).waitFor();
      await give(JSON.stringify({ ...tableOfBase('x2d-micro'), base: 'x2d' }));
      await start();
      await hint.filter({ hasText: 'Expected the base of the search, x2d-micro, got "x2d".' }).waitFor();
      expect(await table.getAttribute('aria-invalid')).toBe('true');
      await give(JSON.stringify(tableOfBase('x2d-micro')));
      await start();
      await see(page, /2 ms/);
      expect(page.faults).toEqual([]);
      await page.close();
    },
    PATIENCE_MS,
  );

  test(
    'has no serious fault by axe, in light and dark, on a laptop and a phone',
    async () => {
      for (const [colorScheme, width] of [
        ['light', 1280],
        ['dark', 390],
      ] as const) {
        const page = await openPage(browser, at.url(), { colorScheme, viewport: { width, height: 800 } });
        await page.goto(at.url());
        await page.getByRole('link', { name: 'waiting' }).waitFor();
        expect(await seriousFaults(page), `searches, ${colorScheme}`).toEqual([]);
        await page.getByRole('link', { name: 'waiting' }).click();
        await see(page, /No worker is at work/);
        // There is no chart yet: each says what it waits for.
        await see(page, /Nothing has grown yet: the search begins from/);
        expect(await seriousFaults(page), `search, ${colorScheme}`).toEqual([]);
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
        for (const hash of ['#/new', '#/workers']) {
          await page.goto(at.url() + hash.replace('#', '/#'));
          await page.getByRole('heading', { level: 1 }).waitFor();
          expect(await seriousFaults(page), `${hash}, ${colorScheme}`).toEqual([]);
        }
        expect(page.faults).toEqual([]);
        await page.close();
      }
    },
    PATIENCE_MS,
  );

  test(
    'says that the connection is lost, and goes on where it was',
    async () => {
      const page = await openPage(browser, at.url());
      await page.goto(`${at.url()}/#/searches/${waiting}`);
      await page.getByRole('heading', { name: /Under way: Round 1/ }).waitFor();
      const port = Number(new URL(at.url()).port);
      await end(service, 'SIGKILL');
      await see(page, /The connection to the service is lost/);
      service = await at.startService({ port });
      await see(page, /Connected again/);
      await at.post(`/searches/${waiting}/pause`);
      await page.getByText('Paused', { exact: true }).waitFor();
      expect(page.faults.filter((fault) => !/Failed to fetch|network/i.test(fault))).toEqual([]);
      await page.close();
    },
    PATIENCE_MS,
  );

  test(
    'draws 66 candidates and 10,000 points of curves with less than a second of work',
    async () => {
      const won = wonBy('b', 'tau', 's', 'd', 't', 'tau', 't', 's', 's', 'd', 'w');
      const { state } = searched(configured({ target: '35.8G' }), won);
      const published = trajectoryOf(state);
      const [first, ...rounds] = published.rounds;
      if (!first) throw new Error('a search without a round');
      // Two axes lead to one network in the first round, and one is left out in another.
      const copies = first.candidates.slice(0, 2).map((one) => ({ ...one, id: `${one.id}-2` }));
      const trajectory = {
        ...published,
        search: 'big',
        rounds: [{ ...first, candidates: [...first.candidates, ...copies] }, ...rounds],
      };
      expect(trajectory.rounds.flatMap(({ candidates }) => candidates)).toHaveLength(66);
      const curve = Array.from({ length: 10_000 }, (_, step) => ({
        step,
        loss: 1 + Math.sin(step),
        accuracy: 0.5 + Math.cos(step) / 2,
        learningRate: 0.1,
      }));
      const { configuration, dataset, status, version, createdAt } = state;
      const answers: Record<string, unknown> = {
        '': {
          ...{ id: 'big', status: status.kind, version, createdAt, configuration, dataset },
          ...{ round: 11, candidates: 66, trainings: { proposed: 0, started: 0, finished: 67, failed: 0 } },
        },
        '/trajectory': trajectory,
        '/final': {
          ...trajectory.final,
          trainings: [{ ...trajectory.final?.trainings[0], tries: [], curve }],
        },
        '/artifacts': { files: [] },
      };
      const page = await openPage(browser, at.url());
      await page.route(/\/searches\/big/, (route) => {
        const answer = answers[new URL(route.request().url()).pathname.replace('/searches/big', '')];
        return answer ? route.fulfill({ json: answer }) : route.fulfill({ status: 204 });
      });
      await page.goto(`${at.url()}/#/searches/big`);
      const drawn = (ground: string) => page.locator(`[data-look="${ground}"] canvas`).nth(3).waitFor();
      await drawn(LIGHT.ground);
      const session = await page.context().newCDPSession(page);
      // Of the page's own thread: what other processes take of the machine does not count.
      await session.send('Performance.enable', { timeDomain: 'threadTicks' });
      const worked = async () =>
        (await session.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration')
          ?.value ?? Number.NaN;
      const before = await worked();
      await page.emulateMedia({ colorScheme: 'dark' });
      await drawn(DARK.ground);
      expect((await worked()) - before).toBeLessThan(1);
      await page.close();
    },
    PATIENCE_MS,
  );

  test(
    'is used by keyboard alone',
    async () => {
      await at.post(`/searches/${waiting}/resume`);
      const page = await openPage(browser, at.url());
      await page.goto(at.url());
      await page.getByRole('link', { name: 'waiting' }).waitFor();
      await tabTo(page, 'waiting');
      await page.keyboard.press('Enter');
      await page.getByText('Running', { exact: true }).waitFor();
      await tabTo(page, 'Pause');
      await page.keyboard.press('Enter');
      await page.getByText('Paused', { exact: true }).waitFor();
      await tabTo(page, 'Cancel');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      await tabTo(page, 'Cancel the search');
      await page.keyboard.press('Enter');
      await page.getByText('Cancelled', { exact: true }).waitFor();
      await tabTo(page, 'Delete');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor();
      await tabTo(page, 'Delete the search');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Searches' }).waitFor();
      await page.getByRole('link', { name: 'waiting' }).waitFor({ state: 'detached' });
      expect(page.faults).toEqual([]);
      await page.close();
    },
    PATIENCE_MS,
  );
});
