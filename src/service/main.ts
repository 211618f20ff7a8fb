/**
 * The service's process: the HTTP API and a coordinator. Its one argument is JSON: {"home", "host", "port", "names"?,
 * "dataRoots"?, "trustProxy"?, "tls"? ({"cert", "key"}: files), "tokenNeeded"?, "trainer"? (a command), "quiet"?,
 * "lockMs"?, "cacheLimit"? (bytes)}. What is secret comes by the environment, which only its own user can look at: REDIS_URL, and
 * X3D_OWNER_TOKEN, with which all is allowed; one is made where it is missing. Says where it listens in the home's
 * service.json, and to a parent that forked it as {"kind": "up", "url"}. Ends in order on SIGTERM, SIGINT, and when the
 * channel to a parent closes.
 */
import { readFile, rm } from 'node:fs/promises';
import closeWithGrace from 'close-with-grace';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { answerParent } from '../answering.js';
import { startServer } from '../api/server.js';
import { newToken } from '../api/tokens.js';
import { X3dError } from '../errors.js';
import { readRegular, writeWhole } from '../files.js';
import { homeAt } from '../home.js';
import { openLog } from '../logging.js';
import { checkUrl, DEFAULT_REDIS_URL, redisFromEnvironment } from '../redis/checking.js';
import { Work } from '../training/training.js';
import { startCoordinator } from '../workers/coordination.js';

const Argument = Type.Object(
  {
    home: Type.String(),
    host: Type.String(),
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    names: Type.Optional(Type.Array(Type.String())),
    dataRoots: Type.Optional(Type.Array(Type.String())),
    trustProxy: Type.Optional(Type.Array(Type.String())),
    tls: Type.Optional(Type.Object({ cert: Type.String(), key: Type.String() })),
    tokenNeeded: Type.Optional(Type.Boolean()),
    trainer: Work.properties.trainer,
    quiet: Type.Optional(Type.Boolean()),
    lockMs: Type.Optional(Type.Integer({ minimum: 100 })),
    cacheLimit: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);

answerParent();
const {
  home: folder,
  lockMs,
  cacheLimit,
  tls,
  quiet,
  ...listening
} = Value.Parse(Argument, JSON.parse(process.argv[2] ?? '{}'));
const home = homeAt(folder);
const log = openLog('service', { quiet: quiet ?? false });
const redisUrl = redisFromEnvironment() ?? DEFAULT_REDIS_URL;
const ownerToken = process.env.X3D_OWNER_TOKEN || newToken();
const tell = (message: object) =>
  new Promise<void>((done) => {
    if (!process.send?.(message, undefined, {}, () => done())) done();
  });

const MOST_PEM_BYTES = 2 ** 20;

/** Throws X3dError invalid-input for files that can't be read. */
async function readCertificate(files: { readonly cert: string; readonly key: string }) {
  const read = (flag: string, path: string) =>
    readRegular(path, MOST_PEM_BYTES).then(String, (cause: NodeJS.ErrnoException) => {
      if (cause instanceof X3dError) throw cause;
      const facts = {
        subject: flag,
        expected: 'a PEM file that can be read',
        got: `${path} (${cause.code})`,
      };
      throw new X3dError('invalid-input', facts, { cause });
    });
  return { cert: await read('--tls-cert', files.cert), key: await read('--tls-key', files.key) };
}

// A parent that goes before this has started leaves nobody to stop it, and perhaps no Redis to start with.
const orphaned = () => process.exit(1);
if (process.connected === false) orphaned();
process.once('disconnect', orphaned);
try {
  checkUrl(redisUrl);
  const server = await startServer({
    ...listening,
    ...(tls ? { tls: await readCertificate(tls) } : {}),
    ...(cacheLimit === undefined ? {} : { cacheLimit }),
    redisUrl,
    home,
    ownerToken,
    log,
  });
  const coordinator = await startCoordinator({
    redisUrl,
    home,
    log,
    ...(lockMs === undefined ? {} : { lockMs }),
    ...(cacheLimit === undefined ? {} : { cacheLimit }),
  });
  // With the token: whoever can read this file is who started the service.
  const announcement = `${JSON.stringify({ url: server.url, pid: process.pid, token: ownerToken })}\n`;
  await writeWhole(home.service, announcement, 0o600);
  const grace = closeWithGrace({ delay: 5000 }, async ({ err }) => {
    if (err) log.error(err);
    await server.stop();
    await coordinator.stop();
    // Unless another service of the home has announced itself since.
    const announced = await readFile(home.service, 'utf8').catch(() => '');
    if (announced === announcement) await rm(home.service, { force: true });
  });
  process.off('disconnect', orphaned);
  process.once('disconnect', () => grace.close());
  await tell({ kind: 'up', url: server.url });
} catch (error) {
  if (!(error instanceof X3dError)) throw error;
  await tell({ kind: 'failed', error: { kind: error.kind, facts: error.facts } });
  // A parent says it in its own way.
  if (!process.send) process.stderr.write(`${error.message}\n`);
  process.exit(3);
}
