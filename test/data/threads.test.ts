import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Probed } from '../../src/data/probing.js';
import { startDataThreads } from '../../src/data/threads.js';
import { temporaryFolder, writeGreys } from './videos.js';

it('threads end soon, also in the middle of their decoding, whose result nobody gets', async () => {
  const path = writeGreys(join(temporaryFolder(), 'a.mp4'), 28, { width: 640, height: 480 });
  const answers: Probed[] = [];
  for (let round = 0; round < 30; round++) {
    const threads = startDataThreads(2, { kind: 'probe' });
    for (let job = 0; job < 200; job++) void threads.run({ path }).then((answer) => answers.push(answer));
    await sleep(80 + 3 * round);
    const asked = performance.now();
    await threads.close();
    expect(performance.now() - asked).toBeLessThan(2000);
  }
  expect(answers.length).toBeGreaterThan(0);
  for (const answer of answers) expect(answer).toMatchObject({ kind: 'video', frames: 28 });
});
