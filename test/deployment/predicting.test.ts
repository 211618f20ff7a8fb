/** Predictions on videos that change while they are predicted on. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lookAt } from '../../src/deployment/clips.js';
import { predictions } from '../../src/deployment/predicting.js';
import type { Engine } from '../../src/training/engine/engine.js';
import { preprocessingOf } from '../../src/training/saved.js';
import { frameOf, temporaryFolder, writeGreys } from '../data/videos.js';

test('a video that is gone changes nothing for the others: their clips are of the rate of most of all videos', async () => {
  const folder = temporaryFolder();
  const cacheFolder = join(folder, 'cache');
  const slow = ['a', 'b'].map((name) => writeGreys(join(folder, `${name}.mp4`), 12));
  const fast = writeGreys(join(folder, 'c.mp4'), 24, { framesPerSecond: 50 }, 1);
  const { videos } = await lookAt([...slow, fast], { cacheFolder });
  const factors = { frames: 4, stride: 2, crop: 16, width: 1, bottleneck: 1, depth: 1 };
  const named = {
    ...{ name: 'n', folder, classes: ['one', 'other'] },
    saved: {
      base: undefined as never,
      factors,
      weights: undefined as never,
      preprocessing: preprocessingOf(factors),
    },
  };
  const shown: number[][] = [];
  const engine = {
    evaluate: (clips: Uint8Array) => {
      const frame = clips.length / factors.frames;
      shown.push(Array.from({ length: factors.frames }, (_, t) => frameOf(clips[t * frame] ?? 0)));
      return new Float32Array([1, 0]);
    },
  } as unknown as Engine;
  const outcomes = async () => {
    shown.length = 0;
    const said: string[] = [];
    for await (const outcome of predictions(engine, named, videos, { views: 1, cacheFolder, threads: 1 }))
      said.push('reason' in outcome ? 'gone' : 'predicted');
    return said;
  };
  expect(await outcomes()).toEqual(['predicted', 'predicted', 'predicted']);
  const whole = shown.at(-1);
  for (const path of slow) rmSync(path);
  expect(await outcomes()).toEqual(['gone', 'gone', 'predicted']);
  expect(shown).toEqual([whole]);
});
