/**
 * The service's process: the HTTP API and a coordinator. Its one argument is JSON: {"redisUrl", "home", "host",
 * "port", "quiet"?, "lockMs"?}. Says where it listens in the home's service.json, and to a parent that forked it as
 * {"kind": "up", "url"}. Ends in order on SIGTERM, SIGINT, and when the channel to a parent closes.
 */
import { readFile, rm } from 'node:fs/promises';
import closeWithGrace from 'close-with-grace';
import { pino } from 'pino';
import Type from 'typebox';
import { Value } from 'typebox/value';
import { startServer } from '../api/server.js';
import { X3dError } from '../errors.js';
import { writeWhole } from '../files.js';
import { homeAt } from '../home.js';
import { startCoordinator } from '../workers/coordination.js';

const Argument = Type.Object(
  {
    redisUrl: Type.String(),
    home: Type.String(),
    host: Type.String(),
    port: Type.Integer({ minimum: 0, maximum: 65_535 }),
    quiet: Type.Optional(Type.Boolean()),
    lockMs: Type.Optional(Type.Integer({ minimum: 100 })),
  },
  { additionalProperties: false },
);

const { redisUrl, host, port, quiet, ...rest } = Value.Parse(Argument, JSON.parse(process.argv[2] ?? '{}'));
const home = homeAt(rest.home);
const log = pino({ level: quiet ? 'silent' : 'info' }, pino.destination(2)).child({ process: 'service' });
const tell = (message: object) =>
  new Promise<void>((done) => {
    if (!process.send?.(message, undefined, {}, () => done())) done();
  });

// A parent that goes before this has started leaves nobody to stop it, and perhaps no Redis to start with.
const orphaned = () => process.exit(1);
if (process.connected === false) orphaned();
process.once('disconnect', orphaned);
try {
  const server = await startServer({ redisUrl, home, host, port, log });
  const coordinator = await startCoordinator({
    redisUrl,
    home,
    log,
    ...(rest.lockMs === undefined ? {} : { lockMs: rest.lockMs }),
  });
  const announcement = `${JSON.stringify({ url: server.url, pid: process.pid })}\n`;
  await writeWhole(home.service, announcement);
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
  process.stderr.write(`${error.message}\n`);
  process.exit(3);
}
