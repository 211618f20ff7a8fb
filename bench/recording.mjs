/** What the recording benchmarks share: a set as a search sees it, one training, and files of rows that only grow. */
import { fork } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openDataset } from '../dist/data/index.js';
import { homeAt } from '../dist/home.js';
import { resolveConfiguration } from '../dist/search/configuration.js';
import { groundOf, summaryOf } from '../dist/search/creation.js';
import { baseOf } from '../dist/search/work.js';

export const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

/** The base's clip, of as many seconds, in so many frames; `rest` are other factors. */
export const inFrames = (factors, frames, rest = {}) => ({
  ...factors,
  frames,
  stride: Math.max(1, Math.round(factors.stride / frames)),
  ...rest,
});

/** The flags that name a set of videos. */
export const SET_OPTIONS = {
  videos: { type: 'string' },
  group: { type: 'string' },
  shares: { type: 'string' },
  flip: { type: 'boolean', default: true },
  target: { type: 'string', default: '8M' },
};

/** The set that the flags name, as `data` of a configuration. */
export function dataOf({ videos, group, shares, flip }) {
  const [train, validation, test] = (shares ?? '').split(',').map(Number);
  return {
    path: videos,
    ...(group === undefined ? {} : { group }),
    ...(flip ? {} : { flip: false }),
    ...(shares === undefined ? {} : { shares: { train, validation, test } }),
  };
}

/** Configuration and data as a search keeps them, and its base. */
export async function settingOf(input) {
  const opened = await openDataset(input.data, { cacheFolder: homeAt().cache });
  const configuration = resolveConfiguration(input, groundOf(opened));
  const setting = { configuration, dataset: summaryOf(opened) };
  return { ...setting, base: baseOf(setting) };
}

const CHILD = fileURLToPath(new URL('./training-child.mjs', import.meta.url));

/** One training in a process of its own on one thread, as a worker does it; what it leaves on disk is removed. */
export async function trained(work) {
  const folder = mkdtempSync(join(tmpdir(), 'x3d-bench-'));
  const child = fork(CHILD, [], {
    env: { ...process.env, OMP_NUM_THREADS: '1', TF_NUM_INTRAOP_THREADS: '1', TF_NUM_INTEROP_THREADS: '1' },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    serialization: 'advanced',
  });
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', resolve);
      child.on('exit', (code) => reject(new Error(`the training ended with ${code}`)));
      const { cache: cacheFolder, pretrained: pretrainedFolder } = homeAt();
      child.send({ ...work, folder, cacheFolder, pretrainedFolder, device: 'cpu', threads: 1 });
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A score as it is kept: without its confusion matrix. */
export const scoreOf = ({ confusion: _, ...score }) => score;

/** bench/FOLDER/*.jsonl: a file per set, a line per row. */
export function recordings(folder) {
  const path = fileURLToPath(new URL(`./${folder}/`, import.meta.url));
  const read = (name) =>
    existsSync(join(path, name))
      ? readFileSync(join(path, name), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line))
      : [];
  return {
    of: (set) => {
      const rows = read(`${set}.jsonl`);
      return {
        rows,
        keep: (row) => {
          mkdirSync(path, { recursive: true });
          rows.push(row);
          appendFileSync(join(path, `${set}.jsonl`), `${JSON.stringify({ set, ...row })}\n`);
        },
      };
    },
    all: () =>
      existsSync(path)
        ? readdirSync(path)
            .filter((name) => name.endsWith('.jsonl'))
            .flatMap(read)
        : [],
  };
}

/** The jobs of a list, so many at once. */
export async function inLanes(jobs, lanes, run) {
  const queue = jobs.values();
  const lane = async () => {
    for (const job of queue) await run(job);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
