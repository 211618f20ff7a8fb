/** The page in a real browser: what people see and do, from the form to a prediction. */
import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { end, type Stand, stand } from '../api/stand.js';
import { NO_BROWSER, openBrowser, openPage, seriousFaults, tabTo } from './browser.js';

const PORT_FREE = 0;

describe.skipIf(NO_BROWSER !== undefined)(`the page${NO_BROWSER ? `, as ${NO_BROWSER}` : ''}`, () => {
  let at: Stand;
  let service: ChildProcess;
  let browser: Browser;
  beforeAll(async () => {
    [at, browser] = await Promise.all([stand({ trainer: null }), openBrowser()]);
    service = await at.startService({ port: PORT_FREE });
    at.startWorker();
    at.startWorker();
  }, 180_000);
  afterAll(async () => {
    await browser?.close();
    await at?.close();
  });

  const see = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

  test('leads from the form to a search that is watched, a candidate, and a prediction', async () => {
    const page = await openPage(browser, at.url());
    await page.goto(at.url());
    await page.getByText('There are none yet').waitFor();
    await page.getByRole('link', { name: 'New search' }).first().click();

    await page.getByLabel('Videos').fill(at.data.path);
    await page.getByLabel('Target').fill('lots');
    await page.getByRole('button', { name: 'Start the search' }).click();
    await see(page, /Expected a number above zero/);
    expect(await page.getByLabel('Target').getAttribute('aria-invalid')).toBe('true');

    await page.getByLabel('Target').fill('1M');
    await page.getByLabel('Name').fill('shapes');
    await page.getByText('More choices').click();
    await page.getByLabel('Method').selectOption('paper');
    await page.getByLabel('Steps of a full training').fill('8');
    await page.getByRole('button', { name: 'Check, and estimate' }).click();
    await see(page, 'It can begin');
    await page.getByRole('button', { name: 'Start the search' }).click();

    await page.getByRole('heading', { name: 'shapes', level: 1 }).waitFor();
    await page.getByRole('heading', { name: /Under way/ }).waitFor();
    await page.locator('progress').first().waitFor();
    await page.getByText('Finished', { exact: true }).waitFor({ timeout: 240_000 });
    await page.getByRole('heading', { name: 'Choices' }).waitFor();
    expect(await page.locator('figure.chart canvas').count()).toBeGreaterThanOrEqual(4);
    const taken = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save “Accuracy against cost” as CSV' }).click();
    expect((await taken).suggestedFilename()).toMatch(/-accuracy\.csv$/);

    await page.getByRole('region', { name: 'What each round chose' }).getByRole('link').first().click();
    await page.getByRole('heading', { name: 'Confusion matrix' }).waitFor();
    await page.getByRole('heading', { name: /gets wrong/ }).waitFor();
    const video = page.locator('video').first();
    await video.scrollIntoViewIfNeeded();
    await expect
      .poll(() => video.evaluate((element: HTMLVideoElement) => element.readyState), { timeout: 60_000 })
      .toBeGreaterThanOrEqual(2);
    const faults = await seriousFaults(page);
    expect(faults).toEqual([]);

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
    expect(page.faults).toEqual([]);
    await page.close();
  }, 400_000);

  test('has no serious fault by axe, in light and dark, on a laptop and a phone', async () => {
    for (const [colorScheme, width] of [
      ['light', 1280],
      ['dark', 390],
    ] as const) {
      const page = await openPage(browser, at.url(), { colorScheme, viewport: { width, height: 800 } });
      await page.goto(at.url());
      await page.getByRole('link', { name: 'shapes' }).waitFor();
      expect(await seriousFaults(page), `searches, ${colorScheme}`).toEqual([]);
      await page.getByRole('link', { name: 'shapes' }).click();
      await page.locator('figure.chart canvas').nth(3).waitFor();
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
  }, 200_000);

  test('says that the connection is lost, and goes on where it was', async () => {
    const page = await openPage(browser, at.url());
    const response = await at.post('/searches', {
      data: at.data,
      target: '2G',
      name: 'long',
      method: 'paper',
      recipe: { steps: 4000 },
    });
    const { id } = (await response.json()) as { id: string };
    await page.goto(`${at.url()}/#/searches/${id}`);
    await page.getByRole('heading', { name: /Under way: Round 1/ }).waitFor();
    const port = Number(new URL(at.url()).port);
    await end(service, 'SIGKILL');
    await see(page, /The connection to the service is lost/);
    service = await at.startService({ port });
    await see(page, /Connected again/);
    await at.post(`/searches/${id}/pause`);
    await page.getByText('Paused', { exact: true }).waitFor();
    expect(page.faults.filter((fault) => !/Failed to fetch|network/i.test(fault))).toEqual([]);
    await page.close();
  }, 200_000);

  test('is used by keyboard alone', async () => {
    const page = await openPage(browser, at.url());
    await page.goto(at.url());
    await page.getByRole('link', { name: 'long' }).waitFor();
    await tabTo(page, 'long');
    await page.keyboard.press('Enter');
    await page.getByText('Paused', { exact: true }).waitFor();
    await tabTo(page, 'Cancel');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, 'Cancel the search');
    await page.keyboard.press('Enter');
    await page.getByText('Cancelled', { exact: true }).waitFor();
    expect(page.faults).toEqual([]);
    await page.close();
  }, 200_000);
});
