/** The page that people look at, as it is served. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createToken } from '../../src/api/tokens.js';
import { csvOf } from '../../web/parts/csv.js';
import { type Stand, stand } from './stand.js';

let at: Stand;
beforeAll(async () => {
  at = await stand();
  await at.startService();
});
afterAll(() => at.close());

describe('the page', () => {
  test('is at /, runs its own scripts alone, and asks nobody but its service', async () => {
    const response = await at.get('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
    expect(policy).toContain("connect-src 'self'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const page = await response.text();
    expect(page).not.toMatch(/<script>|<style|style=|https?:\/\//);
    const files = [...page.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, path]) => path);
    expect(files.length).toBeGreaterThanOrEqual(3);
    for (const file of files) {
      const answer = await at.get(`/${file}`);
      expect(answer.status, file).toBe(200);
      if (file?.startsWith('assets/')) expect(answer.headers.get('cache-control')).toMatch(/immutable/);
    }
  });
});

describe('videos of a search', () => {
  let search: string;
  beforeAll(async () => {
    const response = await at.post('/searches', { data: at.data, target: '2M' });
    search = ((await response.json()) as { id: string }).id;
  });

  test('are shown as browsers play them, those alone that its data set has', async () => {
    const own = readdirSync(at.data.path).sort()[0] ?? '';
    const name = readdirSync(join(at.data.path, own)).sort()[0] ?? '';
    const shown = await at.get(`/searches/${search}/videos/${own}/${name}`);
    expect(shown.status).toBe(200);
    expect(shown.headers.get('content-type')).toBe('video/mp4');
    expect(Buffer.from(await shown.arrayBuffer()).toString('latin1', 4, 8)).toBe('ftyp');
    for (const other of ['..%2f..%2fetc%2fpasswd', `${own}/${name}x`, own, '%2fetc%2fpasswd'])
      expect((await at.get(`/searches/${search}/videos/${other}`)).status, other).toBe(404);
  });

  test('that are sent are tried with a network that there is, and are not JSON', async () => {
    const send = (type: string, body: string | null) =>
      fetch(`${at.url()}/searches/${search}/predictions`, {
        method: 'POST',
        headers: { 'content-type': type },
        body,
      });
    expect((await send('application/octet-stream', 'video')).status).toBe(409);
    expect((await send('application/json', '{}')).status).toBe(415);
    expect((await fetch(`${at.url()}/searches/s0/predictions`, { method: 'POST' })).status).toBe(404);
  });

  test('wait, and say why, where no worker is at work', async () => {
    expect(await (await at.get(`/searches/${search}`)).json()).toMatchObject({
      status: 'running',
      waiting: expect.stringContaining('No worker is at work'),
    });
  });
});

test('figures are taken away as CSV that other programs read', () => {
  expect(
    csvOf([
      { class: 'say "hi", all', videos: 3 },
      { class: 'jump', share: 0.5 },
    ]),
  ).toBe('class,videos,share\r\n"say ""hi"", all",3,\r\njump,,0.5\r\n');
});

test('the page is there for whoever has no token yet; what it shows is not', async () => {
  await createToken(at.home, { account: 'somebody', scope: 'read' });
  expect((await at.get('/')).status).toBe(200);
  expect((await at.get('/searches')).status).toBe(401);
});
