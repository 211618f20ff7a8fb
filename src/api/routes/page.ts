/** The page that people look at: the files that set-up built from `web`, at `/`. They say nothing of any search. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { App } from '../service.js';

const FOLDER = fileURLToPath(new URL('../../../dist/web', import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Its own scripts and styles, and requests to this service alone. Vega draws on a canvas, and lays out by styles that it
 * sets from its script. Videos and pictures are fetched with the token, and shown from memory.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  'media-src blob:',
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Named by a hash of its content, so that it never changes. */
const FOREVER = 'public, max-age=31536000, immutable';

export function pageRoutes(app: App): void {
  if (!existsSync(FOLDER)) return;
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(
    (path) => TYPES[extname(path)] !== undefined,
  );
  for (const path of files) {
    const content = readFileSync(join(FOLDER, path));
    const packed = gzipSync(content);
    const url = path === 'index.html' ? '/' : `/${path}`;
    app.get(url, { config: { scope: 'public' }, schema: { hide: true } }, ({ headers }, reply) => {
      const canUnpack = /\bgzip\b/.test(String(headers['accept-encoding'] ?? ''));
      return reply
        .headers({
          'content-security-policy': POLICY,
          'cache-control': path.startsWith('assets') ? FOREVER : 'no-cache',
          vary: 'accept-encoding',
          ...(canUnpack ? { 'content-encoding': 'gzip' } : {}),
        })
        .type(TYPES[extname(path)] as string)
        .send(canUnpack ? packed : content);
    });
  }
}
