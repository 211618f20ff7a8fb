/** What a search would take, said before it begins: by `run --dry-run` and `inspect --target`. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { homeAt } from '../../src/home.js';
import { smallVideos, type Videos } from './searches.js';
import { temporaryFolder, x3d } from './spawning.js';

let videos: Videos;
beforeAll(() => {
  videos = smallVideos();
});
afterAll(() => videos.remove());

describe('before a search', () => {
  it('says what it will take here, and measures the machine once', async () => {
    const home = temporaryFolder();
    const asked = ['--target', '2M', ...videos.flags, '--home', home];
    const { code, stdout, stderr } = await x3d('run', videos.path, ...asked, '--workers', '2', '--dry-run');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^rounds +\d+/m);
    expect(stdout).toMatch(/^trainings +\d+ \(\d+ to \d+\), [\d.]+[GT] \(.*\) multiply-adds$/m);
    expect(stdout).toMatch(/^time +\S+.* \(\S.* to .*\) on 2 workers \(cpu, 1 thread\)$/m);
    expect(stdout).toMatch(/^ +\d+ real searches took [\d.]+ to [\d.]+ times their estimate$/m);
    expect(stdout).toMatch(/^disk +at most \d.*B: frames .*B, trainings .*B$/m);
    const [measured, ...others] = readdirSync(homeAt(home).speeds);
    expect(measured).toMatch(/-cpu-1x2-x2d-micro\.json$/);
    expect(others).toEqual([]);
    // Nothing was begun.
    expect(readdirSync(home).sort()).toEqual(['cache', 'speeds']);

    const again = await x3d('run', videos.path, ...asked, '--workers', '2', '--dry-run', '--json');
    const plan = JSON.parse(again.stdout);
    expect(plan).toMatchObject({
      checks: [
        { subject: 'target', passed: true },
        { subject: 'memory', passed: true },
      ],
      estimate: { minutes: { likely: expect.any(Number) }, crews: [{ workers: 2 }] },
    });
    expect(readdirSync(homeAt(home).speeds)).toEqual([measured]);
  });

  it('is refused where the search would be, with the exit code of bad input', async () => {
    const { code, stdout } = await x3d(
      ...['run', videos.path, '--target', '10K', ...videos.flags, '--home', temporaryFolder()],
      ...['--workers', '1', '--dry-run'],
    );
    expect(code).toBe(2);
    expect(stdout).toMatch(/^refused +target: expected at least the multiplyAdds of x2d-micro/m);
    expect(stdout).not.toMatch(/^rounds/m);
  });

  it('comes after what the videos are, where inspect is told a target', async () => {
    const { code, stdout } = await x3d(
      ...['inspect', videos.path, '--target', '10K', ...videos.flags.slice(2), '--home', temporaryFolder()],
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^fingerprint [0-9a-f]{64}$/m);
    expect(stdout).toMatch(/^refused +target: expected at least/m);
    expect(stdout).toMatch(/^warning +Nothing says which videos belong together/m);
  });
});
