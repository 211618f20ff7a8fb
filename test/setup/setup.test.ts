/** Set-up on machines that lack something: a small checkout, and a PATH that holds only what the machine has. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

let folder: string;
const checkout = () => join(folder, 'checkout');
const programs = () => join(folder, 'bin');

const put = (path: string, text: string) => {
  mkdirSync(dirname(join(checkout(), path)), { recursive: true });
  writeFileSync(join(checkout(), path), text);
};

/** A program of the machine: the real one, or a shell script. */
function has(name: string, script?: string) {
  const path = join(programs(), name);
  if (script === undefined) {
    const found = (process.env.PATH ?? '').split(':').find((part) => existsSync(join(part, name)));
    symlinkSync(join(found ?? '/usr/bin', name), path);
  } else {
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }
}

const setUp = (...args: string[]) => script('setup.mjs', ...args);

async function script(name: string, ...args: string[]) {
  const child = spawn(process.execPath, [join(checkout(), 'scripts', name), ...args], {
    env: {
      PATH: programs(),
      HOME: folder,
      X3D_CACHE: join(folder, 'cache'),
      X3D_POLICY: join(folder, 'policy'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      output += bytes.toString();
    });
  }
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, output };
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'x3d-setup-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(programs());
  cpSync(join(ROOT, 'scripts'), join(checkout(), 'scripts'), { recursive: true });
  put('package-lock.json', '{"packages": {"": {}}}');
  put('node_modules/.package-lock.json', '{"packages": {}}');
  for (const name of ['typescript', '@types/node', 'undici-types', 'vite']) {
    mkdirSync(dirname(join(checkout(), 'node_modules', name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(checkout(), 'node_modules', name));
  }
  for (const name of ['tsconfig.json', 'tsconfig.build.json'])
    cpSync(join(ROOT, name), join(checkout(), name));
  put('src/cli/main.ts', 'export {};\n');
  put('web/index.html', '<!doctype html><title>The page</title>\n');
  put('web/vite.config.ts', readFileSync(join(ROOT, 'web/vite.config.ts'), 'utf8'));
});

describe('a machine that TensorFlow can not be installed on', () => {
  it('is set up without it, and told so and what would help', async () => {
    has('redis-server');
    const { code, output } = await setUp('--cpu');
    expect(output).toContain('python3 and python3-pip and binutils and g++ are needed to install TensorFlow');
    expect(output).toContain('apt-get install python3 python3-pip binutils g++');
    expect(output).toContain("Training runs on tfjs's own CPU backend: the same, but very slowly.");
    expect(output).toMatch(/ready +after/);
    expect(code).toBe(0);
  });
});

describe('without TensorFlow', () => {
  it('does once what is missing, and next time nothing', async () => {
    has('redis-server');
    const first = await setUp('--without-tensorflow');
    expect(first).toMatchObject({ code: 0, output: expect.stringContaining('src to dist ...') });
    expect(existsSync(join(checkout(), 'dist/cli/main.js'))).toBe(true);
    expect(readFileSync(join(checkout(), 'dist/web/index.html'), 'utf8')).toContain('The page');
    const second = await setUp();
    expect(second.output).toContain('none: --without-tensorflow was asked for');
    expect(second.output).not.toContain('...');
    rmSync(join(checkout(), 'dist/cli/main.js'));
    await setUp();
    expect(existsSync(join(checkout(), 'dist/cli/main.js'))).toBe(true);
  });
});

describe('set-up stops with the reason and the remedy', () => {
  it('when redis-server is missing and can not be installed', async () => {
    const { code, output } = await setUp('--without-tensorflow');
    expect(code).toBe(3);
    expect(output).toContain('set-up stopped: redis-server is needed for the embedded Redis');
    expect(output).toContain('apt-get install redis-server');
    expect(output).toContain('set REDIS_URL to a Redis that you run');
  });

  it('when a download fails, and leaves nothing half done', async () => {
    for (const name of ['redis-server', 'strip', 'g++']) has(name);
    has('python3', 'case "$*" in *--version) exit 0;; esac; echo "ERROR: no route to the index" >&2; exit 1');
    const { code, output } = await setUp('--cpu');
    expect(code).toBe(3);
    expect(output).toContain('ERROR: no route to the index');
    expect(output).toContain('npm run setup -- --without-tensorflow');
    expect(existsSync(join(folder, 'cache/tensorflow-cpu-2.21.0'))).toBe(false);
  });

  it('when npm can not install what package-lock.json names', async () => {
    put('package-lock.json', '{"packages": {"node_modules/fastify": {"version": "5.12.8"}}}');
    has('npm', 'echo "npm error code ENOTFOUND" >&2; exit 1');
    const { code, output } = await setUp();
    expect(code).toBe(3);
    expect(output).toContain('npm ci, since fastify is not 5.12.8');
    expect(output).toContain('npm error code ENOTFOUND');
    expect(output).toContain('Check that npm reaches its registry');
  });

  it('when the sources do not compile', async () => {
    has('redis-server');
    put('src/cli/main.ts', 'export const n: number = "one";\n');
    const { code, output } = await setUp('--without-tensorflow');
    expect(code).toBe(3);
    expect(output).toContain("Type 'string' is not assignable to type 'number'");
  });

  it('when its arguments are unknown', async () => {
    const { code, output } = await setUp('--rocm');
    expect(code).toBe(3);
    expect(output).toContain('unknown arguments --rocm');
    expect(output).toContain('--cpu, --cuda, --without-tensorflow');
  });
});

it.skipIf(process.getuid?.() !== 0)(
  'takes redis-server from apt-get as root, and says when that did not help',
  async () => {
    const log = join(folder, 'apt.log');
    const server = join(programs(), 'redis-server');
    const say = `echo "$@" >> ${log}`;
    has('apt-get', say);
    const helpless = await setUp('--without-tensorflow');
    expect(helpless).toMatchObject({ code: 3, output: expect.stringContaining('redis-server do not work') });
    // While it installs, no service of a package starts; afterwards all is as it was.
    has(
      'apt-get',
      `${say}; /bin/cat ${join(folder, 'policy')} >> ${log}; printf '#!/bin/sh\\necho "Redis server v=7.0.15"' > ${server}; /bin/chmod +x ${server}`,
    );
    const helped = await setUp('--without-tensorflow');
    expect(helped).toMatchObject({ code: 0, output: expect.stringContaining('redis-server 7.0.15') });
    expect(readFileSync(log, 'utf8')).toContain('exit 101');
    expect(existsSync(join(folder, 'policy'))).toBe(false);
    expect(readFileSync(log, 'utf8')).toContain('install -q -y --no-install-recommends redis-server');
  },
);

describe('the browser that the page is tried in', () => {
  it('is the one that the machine has', async () => {
    has('google-chrome', 'echo "Google Chrome 156.0"');
    const { code, output } = await script('chromium.mjs');
    expect(output).toContain(`${join(programs(), 'google-chrome')}: Google Chrome 156.0`);
    expect(code).toBe(0);
  });

  it('is asked for where it can not be installed', async () => {
    const { code, output } = await script('chromium.mjs');
    expect(code).toBe(3);
    expect(output).toMatch(/Chromium|chromium/);
    expect(output).toContain('`npm run setup:chromium` again');
  });

  it.skipIf(process.getuid?.() !== 0 || !/^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8')))(
    "is Debian's package, by root there",
    async () => {
      const log = join(folder, 'apt.log');
      const browser = join(programs(), 'chromium');
      has(
        'apt-get',
        `echo "$@" >> ${log}; printf '#!/bin/sh\necho "Chromium 156.0"' > ${browser}; /bin/chmod +x ${browser}`,
      );
      const { code, output } = await script('chromium.mjs');
      expect(output).toContain(`${browser}: Chromium 156.0`);
      expect(code).toBe(0);
      expect(readFileSync(log, 'utf8')).toContain('install -q -y --no-install-recommends chromium');
    },
  );
});
