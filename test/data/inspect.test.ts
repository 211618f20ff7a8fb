import { Command } from 'commander';
import { describe, expect, it, vi } from 'vitest';
import { inspectCommand } from '../../src/cli/commands/inspect.js';
import { temporaryFolder, writeClasses } from './videos.js';

async function printed(...args: string[]): Promise<string> {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await new Command('x3d-search')
      .exitOverride()
      .addCommand(inspectCommand())
      .parseAsync(['inspect', ...args], { from: 'user' });
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}

describe('inspect', () => {
  const groups = ['--group', '([^/_]+)_[^/]*$', '--shares', '0.5,0.25,0.25'];

  it('says classes, parts, sizes, rates, groups and limits', async () => {
    const folder = writeClasses(temporaryFolder(), { bend: 4, walk: 4 });
    const text = await printed(folder, ...groups, '--home', temporaryFolder());
    expect(text).toMatch(/bend .* 2 .* 1 .* 1$/m);
    expect(text).toMatch(/frames +12 to 12, median 12/);
    expect(text).toMatch(/sizes +32x24 \(8\)/);
    expect(text).toMatch(/frame rates 25 \(8\)/);
    expect(text).toMatch(/groups +train: p\d, p\d/);
    expect(text).toMatch(/clips of up to 12 frames at 25 per second, crops of up to 27 pixels/);
  });

  it('says which groups the names look like where none were given', async () => {
    const folder = writeClasses(temporaryFolder(), { bend: 4, walk: 4 });
    const text = await printed(folder, '--home', temporaryFolder());
    expect(text).toMatch(
      /groups +none; the names look like 4 of them \(p0, p1, p2, p3\)\. .* --group '\(\[\^\/_\]\+\)_\[\^\/\]\*\$' keeps each in one part/,
    );
    const own = await printed(folder, ...groups, '--home', temporaryFolder());
    expect(own).not.toContain('look like');
  });

  it('says the same to programs', async () => {
    const folder = writeClasses(temporaryFolder(), { bend: 4, walk: 4 });
    const found = JSON.parse(await printed(folder, ...groups, '--json', '--home', temporaryFolder()));
    expect(found).toMatchObject({
      videos: 8,
      parts: { train: 4, validation: 2, test: 2 },
      classes: [
        { name: 'bend', train: 2, validation: 1, test: 1 },
        { name: 'walk', train: 2, validation: 1, test: 1 },
      ],
      frames: { min: 12, median: 12, max: 12 },
      sizes: [{ value: '32x24', videos: 8 }],
      skipped: [],
      limits: { maxSpan: 12, maxCrop: 27 },
    });
    expect(found.fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });
});
