/** Each kind of bad input, as its user sees it: the message, the exit code, and nothing on standard output. */
import { spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { writeClasses } from '../data/videos.js';
import { start, temporaryFolder, x3d } from './spawning.js';

async function refused(args: readonly string[], environment: Record<string, string> = {}) {
  const { code, stdout, stderr } = await start(args, environment).finished;
  expect(stdout).toBe('');
  return { code, message: stderr.trim() };
}

const file = (text: string): string => {
  const path = join(temporaryFolder(), 'file.json');
  writeFileSync(path, text);
  return path;
};

describe('flags that do not fit', () => {
  it.each([
    [
      'describe --model XXS',
      "'--model <name>' argument 'XXS' is invalid. Allowed choices are X2D, XS, S, M, L, XL.",
    ],
    ['describe --frames 0', '--frames: expected >= 1, got 0.'],
    ['describe --crop wide', '--crop: expected integer, got "wide".'],
    ['describe --width -1', '--width: expected > 0, got -1.'],
    ['describe --depth 1e9', '--depth: expected at most 100, got 1000000000.'],
    ['describe --classes none', 'Expected a whole number from 1.'],
    ['describe --model M --base x2d-micro', '--base: expected x2d or nothing beside --model'],
    ['replay --target 2G', "required option '--table <file>' not specified"],
    [
      'replay --table nowhere.csv --target 2G',
      '--table: expected a file that can be read, got nowhere.csv (ENOENT).',
    ],
    ['replay --table nowhere.csv --target 2G --base x3d', 'Allowed choices are x2d, x2d-micro.'],
    ['serve --port 70000', 'Expected a port from 0 to 65535.'],
    ['serve --workers 0', 'Expected a whole number from 1.'],
    ['serve --device gpu', 'Expected cpu or a CUDA card by number, as cuda:0.'],
    ['worker', '--redis: expected the URL of the Redis that the service uses (or REDIS_URL), got nothing.'],
    [
      'worker --redis queue:6379',
      'the URL of Redis: expected one such as redis://host:6379, rediss:// for TLS, /2 at its end for database 2, got queue:6379.',
    ],
    ['cancel', "missing required argument 'id'"],
    [
      'run --target 6M',
      'videos: expected a folder of videos, as an argument or as data.path in --config, got nothing.',
    ],
    ['run . --targets 6M', "unknown option '--targets'"],
    ['run . --shares 70,15,15', 'Expected shares from 0 to 1 such as 0.7,0.15,0.15'],
    ['run . --recipe epochs', 'Expected a field as epochs=100.'],
    [
      'run . --resume s0',
      '--resume: expected no configuration beside it, as the search keeps its own, got videos.',
    ],
    ['launch', "unknown command 'launch'"],
  ])('x3d-search %s', async (line, message) => {
    expect(await refused(line.split(' '))).toEqual({ code: 2, message: expect.stringContaining(message) });
  });
});

describe('a configuration that does not fit its schema, before anything starts', () => {
  it.each([
    ['run .', 'target: expected a value, got nothing.'],
    [
      'run . --target many',
      'target: expected a number above zero, or one with K, M, G, T or P, like "600M", got "many".',
    ],
    ['run . --target 6M --base x2d-nano', 'base: expected one of "x2d", "x2d-micro", got "x2d-nano".'],
    ['run . --target 6M --seed one', 'seed: expected integer, got "one".'],
    ['run . --target 6M --recipe epoch=3', 'recipe.epoch: expected no such field, got 3.'],
    ['run . --target 6M --recipe momentum=1', 'recipe.momentum: expected < 1, got 1.'],
  ])('x3d-search %s', async (line, message) => {
    expect(await refused(line.split(' '))).toEqual({ code: 2, message: `error: ${message}` });
  });

  it.each([
    ['text that is no YAML', 'target: 6M\ndata: [', ', line 2: expected YAML or JSON, got '],
    ['no fields', '[]', 'expected fields of a configuration, as `x3d-search init` writes them, got []'],
    [
      'an unknown field',
      '{"data": {"path": "."}, "target": 1,\n "traget": 2}',
      ', line 2: traget: expected no such field, got 2.',
    ],
    [
      'several fields that do not fit',
      'target: 6M\nseed: one\ndata:\n  path: .\n  rate: 1000\n',
      ', line 2: seed: expected integer, got "one". Also line 5: data.rate: expected <= 240, got 1000.',
    ],
    [
      'a table of latencies that is not there',
      'target: 6ms\ndata: {path: .}\ndeviceTable: phone.json\n',
      'table of latencies: expected a file that can be read, got ',
    ],
  ])('a file with %s', async (_, text, message) => {
    const { code, message: said } = await refused(['run', '--config', file(text)]);
    expect({ code, said }).toEqual({ code: 2, said: expect.stringContaining(message) });
  });

  it('a flag goes before the file', async () => {
    const path = file('{"data": {"path": "/nowhere"}, "target": "6M", "base": "x2d"}');
    const { message } = await refused(['run', '--config', path, '--base', 'x3d']);
    expect(message).toContain('base: expected one of "x2d", "x2d-micro", got "x3d".');
  });
});

describe('data that can not be used, before anything starts', () => {
  it.each([['run', '--target', '6M'], ['inspect']])('no such folder: %s', async (command, ...flags) => {
    const home = temporaryFolder();
    const { code, message } = await refused([command, '/nowhere', ...flags, '--home', home]);
    expect({ code, message }).toEqual({
      code: 2,
      message: expect.stringMatching(
        /^error: \/nowhere: expected a folder that can be read, got no such folder\./,
      ),
    });
  });

  it('one class only', async () => {
    const videos = writeClasses(temporaryFolder(), { wave: 2 });
    const { code, message } = await refused(['run', videos, '--target', '6M', '--home', temporaryFolder()]);
    expect({ code, message }).toEqual({
      code: 2,
      message: expect.stringContaining('expected at least two classes'),
    });
  });
});

describe('a command that there is not', () => {
  it('is refused, whatever its name', async () => {
    expect(await refused(['constructor'])).toEqual({
      code: 2,
      message: expect.stringContaining("unknown command 'constructor'"),
    });
  });
});

describe('what the machine lacks', () => {
  it.each(['run', 'serve'])('no Redis at REDIS_URL: %s', async (command) => {
    const environment = { REDIS_URL: 'redis://127.0.0.1:2' };
    const videos =
      command === 'serve' ? [] : [writeClasses(temporaryFolder(), { bend: 4, walk: 4 }), '--target', '6M'];
    const { code, stderr } = await start([command, ...videos, '--home', temporaryFolder()], environment)
      .finished;
    expect({ code, stderr }).toEqual({
      code: 3,
      stderr: expect.stringContaining('Redis at redis://127.0.0.1:2: expected to answer, got ECONNREFUSED.'),
    });
  });

  const card = spawnSync('nvidia-smi', ['-L']).status === 0;
  it.skipIf(card)('no card where one is asked for', async () => {
    const { code, message } = await refused(['serve', '--device', 'cuda:0', '--home', temporaryFolder()]);
    expect({ code, message }).toEqual({
      code: 3,
      message: expect.stringContaining(
        '--device cuda:0: expected a CUDA card of this machine, got a machine without one.',
      ),
    });
  });

  it('no Redis where a worker looks for one', async () => {
    const { code, message } = await refused([
      'worker',
      '--redis',
      'redis://127.0.0.1:2',
      '--home',
      temporaryFolder(),
    ]);
    expect({ code, message }).toEqual({
      code: 3,
      message:
        'error: Redis at redis://127.0.0.1:2: expected to answer, got ECONNREFUSED. Is it running, and reachable from here?',
    });
  });

  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === 'IPv4')?.address;
  it.skipIf(address === undefined)(
    'a Redis that lets no other machine in, by this one’s own address',
    async () => {
      const port = await new Promise<number>((resolve) => {
        const probe = createServer().listen(0, () => {
          const { port } = probe.address() as AddressInfo;
          probe.close(() => resolve(port));
        });
      });
      const redis = spawn('redis-server', ['--port', `${port}`, '--bind', '0.0.0.0', '--save', '']);
      onTestFinished(() => void redis.kill());
      for await (const text of redis.stdout) if (`${text}`.includes('Ready to accept')) break;
      const url = `redis://${address}:${port}`;
      const { code, message } = await refused(['worker', '--redis', url, '--home', temporaryFolder()]);
      expect({ code, message }).toEqual({
        code: 3,
        message: expect.stringMatching(
          /expected to answer, got (EPIPE|ECONNRESET|no answer)\. Is it in protected mode\? Without a password it hangs up/,
        ),
      });
    },
  );

  it.each(['status', 'cancel s0', 'watch s0', 'logs s0 --follow', 'du'])(
    'no searches in the home: %s',
    async (line) => {
      const home = temporaryFolder();
      const { code, message } = await refused([...line.split(' '), '--home', home]);
      expect({ code, message }).toEqual({
        code: 2,
        message: `error: ${home}: expected a home with searches, got none. Start one with \`x3d-search run\`, or name another --home or a --service.`,
      });
    },
  );

  it('a service that does not answer', async () => {
    const { code, message } = await refused(['status', '--service', 'http://127.0.0.1:2']);
    expect({ code, message }).toEqual({
      code: 3,
      message: expect.stringContaining(
        'the service at http://127.0.0.1:2: expected to answer, got ECONNREFUSED.',
      ),
    });
  });

  it('a port that is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await new Promise((listening) => taken.once('listening', listening));
    const { port } = taken.address() as { port: number };
    const { code, message } = await refused(['serve', '--port', String(port), '--home', temporaryFolder()]);
    expect(code).toBe(3);
    expect(message).toContain(
      `error: --host and --port: expected an address to listen on, got 127.0.0.1:${port} (EADDRINUSE)`,
    );
  });
});

describe('for programs', () => {
  it('flags that do not fit are a problem document too', async () => {
    const { code, message } = await refused(['describe', '--bogus', '--json']);
    expect(code).toBe(2);
    expect(JSON.parse(message)).toMatchObject({
      type: 'urn:x3d-search:problem:invalid-input',
      detail: "unknown option '--bogus'",
    });
  });

  it('a problem document on standard error', async () => {
    const { code, stderr } = await x3d('describe', '--frames', '0', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      type: 'urn:x3d-search:problem:invalid-input',
      detail: '--frames: expected >= 1, got 0.',
      errors: [{ field: '--frames', expected: '>= 1', got: '0' }],
    });
  });
});

describe('help', () => {
  let names: string[];
  beforeAll(async () => {
    const { stdout, code } = await x3d('--help');
    expect(code).toBe(0);
    names = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
  });

  // A process for each of some thirty commands.
  it('of each command has an example', { timeout: 120_000 }, async () => {
    const commands = names.filter((name) => name !== 'help');
    expect(commands).toEqual(
      expect.arrayContaining([
        'run',
        'serve',
        'worker',
        'describe',
        'inspect',
        'replay',
        'status',
        'cancel',
        'demo',
      ]),
    );
    for (const command of commands) {
      const { stdout, code } = await x3d(command, '--help');
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`Example:\\n  \\$ x3d-search ${command}`));
    }
  });
});
