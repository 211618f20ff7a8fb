/**
 * Times the making of training batches: ours, and a PyTorch DataLoader that decodes with PyAV, with as many workers.
 *
 *   node bench/data.mjs [--videos FOLDER] [--group REGEXP] [--batches N] [--json]
 *
 * Without a folder, clips as Kinetics has them are generated: 340x256, 10 s at 30 frames a second, H.264. The peer
 * runs where X3D_BENCH_PYTHON names a Python with torch and av; otherwise its columns stay empty. `first` is the time
 * for a batch in the first epoch, when nothing is cached yet, `later` after it; the peer keeps nothing, so it has one.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openDataset, trainingBatches, viewBatches } from '../dist/data/index.js';
import { kineticsLike } from './kinetics_like.mjs';

const { values } = parseArgs({
  options: {
    videos: { type: 'string' },
    group: { type: 'string' },
    batches: { type: 'string', default: '40' },
    json: { type: 'boolean', default: false },
  },
});
const batches = Number(values.batches);

/** What candidates ask for: the CPU base, and X3D-XS. */
const PLANS = [
  {
    name: '16 clips 8x3, crop 48',
    frames: 8,
    stride: 3,
    crop: 48,
    batchSize: 16,
    shortSides: { min: 54, max: 68 },
  },
  {
    name: '4 clips 4x12, crop 160',
    frames: 4,
    stride: 12,
    crop: 160,
    batchSize: 4,
    shortSides: { min: 182, max: 228 },
  },
];

/** Milliseconds a batch over the first epoch and over the `batches` after it. */
async function timeBatches(dataset, plan) {
  const epoch = Math.ceil(dataset.parts.train / plan.batchSize);
  const source = trainingBatches(dataset, { ...plan, steps: epoch + batches });
  const take = async (count) => {
    const started = performance.now();
    for (let step = 0; step < count; step++) source.release(await source.next());
    return (performance.now() - started) / count;
  };
  const firstMs = await take(epoch);
  const oursMs = await take(batches);
  await source.close();
  return { firstMs, oursMs };
}

function peer(dataset, plan) {
  const python = process.env.X3D_BENCH_PYTHON;
  if (!python) return undefined;
  const job = {
    ...plan,
    videos: dataset.videos
      .filter(({ part }) => part === 'train')
      .map(({ path, frames }) => ({ path, frames })),
  };
  const script = fileURLToPath(new URL('data_peer.py', import.meta.url));
  return Number(
    execFileSync(python, [script], { input: JSON.stringify(job), encoding: 'utf8', maxBuffer: 2 ** 26 }),
  );
}

const folder = values.videos ?? kineticsLike();
const scratch = mkdtempSync(join(tmpdir(), 'x3d-bench-'));
const lines = [];
try {
  const configuration = {
    path: folder,
    ...(values.group ? { group: values.group } : {}),
    shares: { train: 0.5, validation: 0.25, test: 0.25 },
  };
  let started = performance.now();
  const dataset = await openDataset(configuration, { cacheFolder: scratch });
  const openMs = performance.now() - started;
  for (const threads of [1, 2]) {
    for (const { name, ...shape } of PLANS) {
      const cacheFolder = join(scratch, `${threads}`);
      const plan = { ...shape, flip: true, repeats: 1, seed: 0, firstStep: 0, threads, cacheFolder };
      const { firstMs, oursMs } = await timeBatches(dataset, plan);
      const peerMs = peer(dataset, { ...plan, steps: Math.min(batches, 12) });
      const ratio = peerMs === undefined ? undefined : peerMs / oursMs;
      lines.push({ name, threads, firstMs, oursMs, peerMs, ratio });
    }
  }
  started = performance.now();
  let videos = 0;
  const views = {
    frames: 8,
    stride: 3,
    shortSide: 54,
    crop: 48,
    strategy: 'center',
    views: 10,
    cacheFolder: join(scratch, 'views'),
  };
  for await (const _ of viewBatches(dataset, 'validation', views)) videos += 1;
  const viewMs = (performance.now() - started) / videos;
  if (values.json)
    console.log(JSON.stringify({ videos: dataset.videos.length, openMs, viewMs, lines }, undefined, 2));
  else {
    console.log(
      `${folder}: ${dataset.videos.length} videos, opened in ${openMs.toFixed(0)} ms; ten views of a video, first time: ${viewMs.toFixed(1)} ms`,
    );
    console.table(
      lines.map(({ name, threads, firstMs, oursMs, peerMs, ratio }) => ({
        batch: name,
        threads,
        'first (ms)': firstMs.toFixed(1),
        'later (ms)': oursMs.toFixed(1),
        'PyTorch (ms)': peerMs?.toFixed(1) ?? '',
        ratio: ratio?.toFixed(1) ?? '',
      })),
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
