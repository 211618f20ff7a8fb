/** The page that people look at, as it is served. */
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

  test('is there for whoever has no token yet; what it shows is not', async () => {
    await createToken(at.home, { account: 'somebody', scope: 'read' });
    expect((await at.get('/')).status).toBe(200);
    expect((await at.get('/searches')).status).toBe(401);
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
