import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Rendered } from '../../src/data/rendering.js';
import { startDataThreads } from '../../src/data/threads.js';
import { aVideo, temporaryFolder, writeGreys } from './videos.js';

it('threads end soon, also in the middle of their decoding, whose result nobody gets', async () => {
  const size = { width: 640, height: 480 };
  const path = writeGreys(join(temporaryFolder(), 'a.mp4'), 28, size);
  const draws = { frames: 8, stride: 3, rate: 25, shortSide: 32, crop: 32, views: 1 } as const;
  const answers: Rendered[] = [];
  for (let round = 0; round < 30; round++) {
    const threads = startDataThreads(2, {
      videos: [aVideo({ path, frames: 28, ...size })],
      draws: { kind: 'views', strategy: 'center', ...draws },
      // Nothing is kept: each job decodes.
      kept: { cacheFolder: temporaryFolder(), memoryBytes: 0, diskBytes: 0 },
    });
    const jobs = Array.from({ length: 200 }, () =>
      threads.run({ index: 0, output: new ArrayBuffer(8 * 32 * 32 * 3) }),
    );
    for (const job of jobs) void job.then((answer) => answers.push(answer));
    await jobs[0];
    await sleep(3 * round);
    const asked = performance.now();
    await threads.close();
    expect(performance.now() - asked).toBeLessThan(2000);
  }
  expect(answers.length).toBeLessThan(30 * 200);
  for (const { output } of answers) expect(new Uint8Array(output).some((value) => value > 0)).toBe(true);
});
