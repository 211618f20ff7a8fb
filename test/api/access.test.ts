/** Who gets in, and from where. */
import { cp, mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { request as plain } from 'node:http';
import { request as secure } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createToken, listTokens, revokeTokens } from '../../src/api/tokens.js';
import { certificateIn } from '../certificates.js';
import { start, temporaryFolder, x3d } from '../cli/spawning.js';
import { type Stand, stand } from './stand.js';

let at: Stand;
beforeAll(async () => {
  at = await stand();
  await at.startService();
});
afterAll(() => at.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** As fetch, which does not let one choose these headers. */
const ask = (
  path: string,
  headers: Record<string, string> = {},
  { method = 'GET', url = at.url(), ca }: { method?: string; url?: string; ca?: string } = {},
): Promise<Answer> =>
  new Promise((done, fail) => {
    const { hostname, port, protocol } = new URL(url);
    const send = protocol === 'https:' ? secure : plain;
    send({ hostname, port, path, method, headers, ...(ca === undefined ? {} : { ca }) }, async (answer) => {
      let body = '';
      for await (const bytes of answer) body += bytes;
      done({ status: answer.statusCode ?? 0, headers: answer.headers, body });
    })
      .on('error', fail)
      .end();
  });

const port = () => new URL(at.url()).port;

describe('a name that is asked for', () => {
  test.each(['evil.example', 'evil.example:80', 'localhost.evil.example', 'a b', '127.0.0.1.evil.example'])(
    'is refused where it is not of the service: %j',
    async (host) => {
      const { status, headers, body } = await ask('/searches', { host });
      expect({ status, type: headers['content-type'] }).toEqual({
        status: 403,
        type: 'application/problem+json',
      });
      expect(body).toContain('serve --allow-host NAME');
    },
  );

  test.each(['localhost', '127.0.0.1', '[::1]', 'LOCALHOST'])('is taken: %s', async (name) => {
    expect((await ask('/searches', { host: `${name}:${port()}` })).status).toBe(200);
  });

  test('is taken where it was named at the start', async () => {
    const other = await stand({ data: at.data });
    onTestFinished(() => other.close());
    await other.startService({ names: ['videos.example'] });
    expect((await ask('/searches', { host: 'videos.example' }, { url: other.url() })).status).toBe(200);
  });
});

describe('a page of another site', () => {
  const search = '/searches/s0/cancel';
  test.each([
    ['its origin', { origin: 'http://evil.example' }],
    ['an origin that is none', { origin: 'null' }],
    ['the origin of another port', { origin: 'http://127.0.0.1:1' }],
    ['its site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['a site of the same machine', { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' }],
  ])('can neither cancel a search nor read one: %s', async (_, headers) => {
    expect((await ask(search, headers, { method: 'POST' })).status).toBe(403);
    expect((await ask('/searches', headers)).status).toBe(403);
  });

  test('may link to it, but not send a form to it', async () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await ask('/searches', link)).status).toBe(200);
    expect((await ask(search, link, { method: 'POST' })).status).toBe(403);
  });

  test('is told from the own one', async () => {
    const { host } = new URL(at.url());
    expect((await ask(search, { origin: `http://${host}` }, { method: 'POST' })).status).toBe(404);
  });
});

test('every answer tells browsers to do nothing but show it', async () => {
  for (const path of ['/searches', '/nowhere', '/docs/', '/healthz', '/searches/s0']) {
    const { headers } = await ask(path);
    expect(headers, path).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringMatching(/default-src '(none|self)'/),
    });
  }
  expect((await ask('/searches')).headers['access-control-allow-origin']).toBeUndefined();
});

test('a method that a path has not is answered with 405 and with those that it has', async () => {
  for (const [method, path, allow] of [
    ['DELETE', '/searches', 'GET, HEAD, POST'],
    ['PUT', '/searches/s0', 'DELETE, GET, HEAD'],
    ['PUT', '/searches', 'GET, HEAD, POST'],
    ['GET', '/searches/s0/cancel', 'POST'],
    ['OPTIONS', '/workers', 'GET, HEAD'],
  ] as const) {
    const { status, headers } = await ask(path, {}, { method });
    expect({ path, status, allow: headers.allow }).toEqual({ path, status: 405, allow });
  }
});

describe('tokens', () => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  test('once there is one, are asked of everybody, allow what their scope says, and nothing once taken back', async () => {
    const other = await stand({ data: at.data });
    onTestFinished(() => other.close());
    await other.startService();
    const url = other.url();
    const status = async (path: string, token?: string, method = 'GET') =>
      (await ask(path, token === undefined ? {} : bearer(token), { method, url })).status;
    expect(await status('/searches')).toBe(200);
    const tokens = Object.fromEntries(
      await Promise.all(
        (['read', 'operate', 'admin'] as const).map(async (scope) => [
          scope,
          (await createToken(other.home, { account: `ada-${scope}`, scope })).token,
        ]),
      ),
    ) as Record<'read' | 'operate' | 'admin', string>;

    const nobody = await ask('/searches', {}, { url });
    expect({ status: nobody.status, asks: nobody.headers['www-authenticate'] }).toEqual({
      status: 401,
      asks: 'Bearer',
    });
    for (const path of [
      '/nowhere',
      '/metrics',
      '/workers',
      '/searches/s0/events',
      '/searches/s0/artifacts/x',
    ])
      expect(await status(path), path).toBe(401);
    for (const path of ['/healthz', '/readyz', '/docs/', '/openapi.json'])
      expect(await status(path), path).toBe(200);
    for (const token of Object.values(tokens)) expect(await status('/searches', token)).toBe(200);
    expect(await status('/searches/s0/cancel', tokens.read, 'POST')).toBe(403);
    expect(await status('/searches/s0/cancel', tokens.operate, 'POST')).toBe(404);
    for (const wrong of [
      `${tokens.read}x`,
      tokens.read.slice(0, -1),
      'x3d_000000000000_x',
      '../../x',
      'x'.repeat(5000),
    ])
      expect(await status('/searches', wrong), wrong.slice(0, 60)).toBe(401);
    expect((await ask('/searches', { authorization: 'Basic eDp5' }, { url })).status).toBe(401);

    const owner = (JSON.parse(await readFile(other.home.service, 'utf8')) as { token: string }).token;
    expect(await status('/searches', owner)).toBe(200);
    expect((await stat(other.home.service)).mode & 0o077).toBe(0);

    await revokeTokens(other.home, 'ada-read');
    expect(await status('/searches', tokens.read)).toBe(401);
    expect(await status('/searches', tokens.admin)).toBe(200);
  });

  test('that are taken back end the streams that were opened with them', async () => {
    const id = (
      (await (await at.post('/searches', { data: at.data, target: '2M' })).json()) as { id: string }
    ).id;
    const { token } = await createToken(at.home, { account: 'eve', scope: 'read' });
    const url = at.url();
    const opened = await fetch(`${url}/searches/${id}/events`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(opened.status).toBe(200);
    await revokeTokens(at.home, 'eve');
    const { token: other } = await createToken(at.home, { account: 'bob', scope: 'admin' });
    onTestFinished(async () => void (await revokeTokens(at.home, 'bob')));
    // Ends by itself, where a search that nobody trains goes on for ever.
    await opened.text();
    const headers = { authorization: `Bearer ${other}` };
    await fetch(`${url}/searches/${id}/cancel`, { method: 'POST', headers });
    expect((await fetch(`${url}/searches/${id}`, { method: 'DELETE', headers })).status).toBe(200);
  }, 60_000);

  test('are needed, and are not refused for good, while the home that has them is away', async () => {
    const { token } = await createToken(at.home, { account: 'eve', scope: 'read' });
    const status = async (authorization?: string) =>
      (await ask('/searches', authorization === undefined ? {} : { authorization })).status;
    expect(await status()).toBe(401);
    expect(await status(`Bearer ${token}`)).toBe(200);
    await rename(at.home.folder, `${at.home.folder}-away`);
    try {
      expect(await status()).toBe(401);
      expect(await status(`Bearer ${token}`)).toBe(503);
    } finally {
      await rename(`${at.home.folder}-away`, at.home.folder);
    }
    expect(await status(`Bearer ${token}`)).toBe(200);
    // One that is damaged lets nobody in either.
    const [file = ''] = await readdir(at.home.tokens);
    await writeFile(join(at.home.tokens, file), '{');
    expect(await status()).toBe(401);
    await rm(join(at.home.tokens, file));
    expect(await status()).toBe(200);
  });

  test('are kept as hashes, in files of their owner alone', async () => {
    const { token } = await createToken(at.home, { account: 'eve', scope: 'read' });
    onTestFinished(async () => void (await revokeTokens(at.home, 'eve')));
    for (const name of await readdir(at.home.tokens)) {
      const path = join(at.home.tokens, name);
      expect((await stat(path)).mode & 0o077).toBe(0);
      expect(await readFile(path, 'utf8')).not.toContain(token.split('_').at(-1));
    }
    expect(JSON.stringify(await listTokens(at.home))).not.toContain(token.split('_').at(-1));
  });

  test('are made, listed and taken back by the command, which status and cancel send', async () => {
    const home = temporaryFolder();
    expect((await x3d('token', 'list', '--home', home)).stdout).toBe(
      'no tokens: the service listens on loopback only\n',
    );
    const made = await x3d('token', 'create', 'ada', '--scope', 'read', '--home', home);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^x3d_[0-9a-f]{12}_[\w-]{43}\n$/) });
    const listed = await x3d('token', 'list', '--home', home);
    expect(listed.stdout).toMatch(/^id +name +scope .*\n[0-9a-f]{12} +ada +read /);
    expect(await x3d('token', 'create', '../x', '--home', home)).toMatchObject({ code: 2 });
    expect(await x3d('token', 'revoke', 'bob', '--home', home)).toMatchObject({ code: 2 });
    expect(await x3d('token', 'revoke', 'ada', '--home', home)).toMatchObject({ code: 0 });
    expect(await listTokens({ tokens: join(home, 'tokens') } as never)).toEqual([]);

    const { token } = await createToken(at.home, { account: 'bob', scope: 'read' });
    onTestFinished(async () => void (await revokeTokens(at.home, 'bob')));
    const without = await x3d('status', '--service', at.url());
    expect(without).toMatchObject({ code: 2, stderr: expect.stringContaining('X3D_TOKEN') });
    const asked = start(['status', '--service', at.url()], { X3D_TOKEN: token });
    expect(await asked.finished).toMatchObject({ code: 0, stdout: 'no searches\n' });
    expect(await x3d('status', '--home', at.home.folder)).toMatchObject({ code: 0 });
  });

  test('are needed before the service listens on any address but loopback, or behind a proxy', async () => {
    for (const flags of [
      ['--host', '0.0.0.0'],
      ['--host', '::'],
      ['--trust-proxy', '10.0.0.1'],
    ]) {
      const home = temporaryFolder();
      const refused = await x3d('serve', '--port', '0', '--home', home, ...flags);
      expect(refused).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/loopback.*token create NAME --scope admin --home/),
      });
    }
  });
});

test('with a certificate it speaks HTTPS', async () => {
  const other = await stand({ data: at.data });
  onTestFinished(() => other.close());
  const { cert, key } = certificateIn(other.home.folder, 'DNS:localhost,IP:127.0.0.1');
  await other.startService({ tls: { cert, key } });
  expect(other.url()).toMatch(/^https:/);
  const answer = await ask('/searches', {}, { url: other.url(), ca: await readFile(cert, 'utf8') });
  expect(answer.status).toBe(200);
  expect(answer.headers['strict-transport-security']).toMatch(/max-age/);
});

test('behind a proxy that it knows, it is the name that was asked of the proxy that counts', async () => {
  const other = await stand({ data: at.data });
  onTestFinished(() => other.close());
  const { token } = await createToken(other.home, { account: 'ada', scope: 'read' });
  await other.startService({ trustProxy: ['127.0.0.1'], names: ['videos.example'] });
  const through = (name: string) =>
    ask('/searches', { authorization: `Bearer ${token}`, 'x-forwarded-host': name }, { url: other.url() });
  expect((await through('videos.example')).status).toBe(200);
  expect((await through('evil.example')).status).toBe(403);
  // This one knows no proxy: it heeds none of their words.
  expect((await ask('/searches', { 'x-forwarded-host': 'evil.example' })).status).toBe(200);
});

describe('videos', () => {
  const refused = async (other: Stand, path: string, changes: object = {}) => {
    const response = await other.post('/searches', { data: { path, ...changes }, target: '2M' });
    return { status: response.status, detail: ((await response.json()) as { detail: string }).detail };
  };

  test('are taken from under the named folders only, links resolved, and what lies elsewhere is not told of', async () => {
    const other = await stand({ data: at.data });
    onTestFinished(() => other.close());
    const root = join(other.home.folder, 'videos');
    await cp(at.data.path, root, { recursive: true });
    await other.startService({ dataRoots: [root] });
    await symlink('/etc', join(root, '..', 'link'));
    await mkdir(`${root}-next`);
    for (const path of [
      '/',
      '/etc',
      '/etc/passwd',
      '/nowhere/at/all',
      `${root}/../link`,
      `${root}-next`,
      `${root}/..`,
      'videos',
      'a\0b',
    ]) {
      const { status, detail } = await refused(other, path);
      expect(status, path).toBe(403);
      expect(detail).toContain(`a path under ${root}, links resolved`);
    }
    expect(await refused(other, root, { root: '/etc' })).toMatchObject({ status: 403 });
    expect(await refused(other, join(root, 'nothing'))).toMatchObject({ status: 422 });

    const [label = ''] = await readdir(root);
    const [another = ''] = await readdir(join(at.data.path, label));
    await symlink(join(at.data.path, label, another), join(root, label, 'foreign_1.mp4'));
    expect(await refused(other, root)).toMatchObject({
      status: 403,
      detail: expect.stringContaining('foreign_1.mp4'),
    });
  });

  test('are by default taken from the home folder on loopback, and from nowhere else', async () => {
    const other = await stand({ data: at.data });
    onTestFinished(() => other.close());
    await other.startService({ dataRoots: undefined });
    expect((await refused(other, '/etc')).detail).toContain(`a path under ${homedir()}`);
    const { token } = await createToken(other.home, { account: 'ada', scope: 'admin' });
    await other.startService({ dataRoots: undefined, host: '0.0.0.0' });
    const response = await fetch(`http://127.0.0.1:${new URL(other.url()).port}/searches`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ data: { path: homedir() }, target: '2M' }),
    });
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('serve --data-root FOLDER');
  });
});
