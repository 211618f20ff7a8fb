/** What `init` writes, and that `run` takes it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfiguration } from '../../src/cli/config-file.js';
import { guessGroups } from '../../src/cli/guessing.js';
import { configurationSchema, resolveConfiguration } from '../../src/search/configuration.js';
import { smallVideos, type Videos } from './searches.js';
import { temporaryFolder, x3d } from './spawning.js';

let videos: Videos;
beforeAll(() => {
  videos = smallVideos();
});
afterAll(() => videos.remove());

describe('init', () => {
  it('writes a configuration that says what it found, and that is one', async () => {
    const file = join(temporaryFolder(), 'search.yaml');
    const home = temporaryFolder();
    const { code, stdout } = await x3d('init', videos.path, '--output', file, '--home', home);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^wrote .*search\.yaml\nRead it, then: .* run --config /);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/# \d+ videos of \d+ classes: \d+ to train, \d+ to validate, \d+ to test;/);
    const configuration = await readConfiguration(file);
    expect(configuration).toMatchObject({ data: { path: videos.path }, target: '6M' });
    expect(resolveConfiguration(configuration).target).toBe(6e6);
    const again = await x3d('init', videos.path, '--output', file, '--home', home);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('a file that is not there yet') });
  });

  it('prints the schema that docs/configuration.schema.json has', async () => {
    const { stdout } = await x3d('init', '--schema');
    const kept = readFileSync(new URL('../../docs/configuration.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(configurationSchema())));
    expect(JSON.parse(kept)).toEqual(JSON.parse(stdout));
  });
});

describe('a guess at groups', () => {
  const named = (names: readonly string[]) =>
    names.map((name) => ({ name, label: ['wave', 'run'].indexOf(name.split('/')[0] ?? '') }));
  const both = (rest: readonly string[]) =>
    named(['wave', 'run'].flatMap((label) => rest.map((name) => `${label}/${name}`)));

  it.each([
    [
      'who comes before an underscore',
      ['ann_1.mp4', 'bob_1.mp4', 'eve_1.mp4', 'joe_2.mp4'],
      '([^/_]+)_[^/]*$',
    ],
    ['a folder of each', ['a/1.mp4', 'b/1.mp4', 'c/1.mp4', 'd/1.mp4'], '[^/]+/([^/]+)/[^/]+$'],
    ['none in numbers alone', ['1.mp4', '2.mp4', '3.mp4', '4.mp4'], undefined],
  ])('sees %s', (_, names, pattern) => {
    expect(guessGroups(both(names), 2)?.pattern).toBe(pattern);
  });

  it('takes no mark of the class for a group', () => {
    const names = ['wave/wave_1.mp4', 'wave/wave_2.mp4', 'run/run_1.mp4', 'run/run_2.mp4'];
    expect(guessGroups(named(names), 2)).toBeUndefined();
  });
});
