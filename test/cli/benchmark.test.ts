/** `benchmark` on networks, as people and programs read it. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { networkCost } from '../../src/flops/cost.js';
import { BASES, describeNetwork } from '../../src/network/index.js';
import { writeNetwork } from '../deployment/networks.js';
import { temporaryFolder, x3d } from './spawning.js';

const base = BASES['x2d-micro'];
const classes = ['bend', 'wave', 'run'];
const factorsWith = (frames: number) => ({ ...base.factors, frames, stride: 4, crop: 32 });
const networkWith = (name: string, frames: number) =>
  writeNetwork(join(temporaryFolder(), name), { base, factors: factorsWith(frames), classes });

it('gives latency and throughput of each network beside its multiply-adds', {
  timeout: 120_000,
}, async () => {
  const networks = [networkWith('one', 1), networkWith('eight', 8)];
  const { code, stdout } = await x3d('benchmark', ...networks, '--threads', '1', '--json');
  expect(code).toBe(0);
  const { networks: found } = JSON.parse(stdout);
  expect(found.map(({ network }: { network: string }) => network)).toEqual(['one', 'eight']);
  for (const [i, frames] of [1, 8].entries()) {
    const { multiplyAdds } = networkCost(describeNetwork(base, factorsWith(frames), { classes: 3 }));
    expect(found[i].multiplyAdds).toBe(multiplyAdds);
    const [{ threads, latency, clipsPerSecond }] = found[i].speeds;
    expect(threads).toBe(1);
    expect(latency.low).toBeGreaterThan(0);
    expect(latency.low).toBeLessThanOrEqual(latency.median);
    expect(latency.median).toBeLessThanOrEqual(latency.high);
    expect(clipsPerSecond).toBeGreaterThan(0);
  }
  expect(found[1].speeds[0].latency.low).toBeGreaterThan(found[0].speeds[0].latency.low);
});

it('is a table for people', { timeout: 120_000 }, async () => {
  const { stdout } = await x3d('benchmark', networkWith('one', 1), '--threads', '1');
  expect(stdout).toMatch(
    /^network +multiply-adds +parameters +threads +ms a clip +10 to 90 % +clips per s$/m,
  );
  expect(stdout).toMatch(/^one +\d+K +[\d.]+K +1 +\d+\.\d\d +\d+\.\d\d to \d+\.\d\d +\d+\.\d$/m);
});

it('wants networks, or a table without them', async () => {
  for (const args of [[], [networkWith('one', 1), '--table', 'table.json']]) {
    const { code, stderr } = await x3d('benchmark', ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/expected networks, or --table and no networks/);
  }
});
