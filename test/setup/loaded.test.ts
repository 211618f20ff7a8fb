/** Packages of the tree that are reported for what they do with hostile input, and that nothing of this program loads. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

test('neither tar nor ip is loaded by what decodes, trains and serves', () => {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-loaded-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const at = (path: string) => JSON.stringify(new URL(`../../dist/${path}`, import.meta.url).href);
  const script = `
    import { createRequire } from 'node:module';
    const { makeDemoVideos } = await import(${at('data/demo/index.js')});
    const { openDataset } = await import(${at('data/index.js')});
    await openDataset(makeDemoVideos('videos', { scenes: 5 }), { cacheFolder: 'cache' });
    for (const path of [${[
      'training/train.js',
      'training/engine/tensorflow.js',
      'deployment/onnx/runtime.js',
      'api/server.js',
      'workers/worker.js',
    ]
      .map(at)
      .join(', ')}]) await import(path);
    const loaded = Object.keys(createRequire(import.meta.url).cache);
    const packages = loaded.map((file) => /.*node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(file)?.[1]);
    console.log(JSON.stringify([...new Set(packages)]));`;
  writeFileSync(join(folder, 'loads.mjs'), script);
  const said = execFileSync(process.execPath, ['loads.mjs'], { cwd: folder, encoding: 'utf8' });
  const packages = JSON.parse(said.trim().split('\n').at(-1) ?? '') as string[];
  expect(packages).toContain('fastify');
  expect(packages.filter((name) => ['tar', 'ip'].includes(name))).toEqual([]);
}, 60_000);
