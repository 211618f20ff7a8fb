/** Names and contents by which FFmpeg would open something else than the file: it opens the file, or nothing. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { probe } from '../../src/data/probing.js';
import { lastingFolder, temporaryFolder, writeGreys } from './videos.js';

const plain = () => writeGreys(join(temporaryFolder(), 'plain.mp4'), 5);

describe('a file', () => {
  test.each([
    'concat:a.mp4|b.mp4',
    'http:evil.mp4',
    'subfile,,start,0,end,9,,:a.mp4',
    'pipe:0',
    'data:video.mp4',
    'img%03d.mp4',
    '-i.mp4',
    'a?b#c.mp4',
    'new\nline.mp4',
    '*.mp4',
  ])('is opened as itself, though it is called %j', (name) => {
    const from = plain();
    const path = join(temporaryFolder(), name);
    copyFileSync(from, path);
    expect(probe({ path })).toEqual(probe({ path: from }));
    expect(probe({ path })).toMatchObject({ kind: 'video', frames: 5 });
  });

  const folder = lastingFolder();
  test.each([
    ['m3u8', (video: string) => `#EXTM3U\n#EXTINF:1,\n${video}\n#EXT-X-ENDLIST\n`],
    ['ffconcat', (video: string) => `ffconcat version 1.0\nfile '${video}'\n`],
    [
      'sdp',
      (_: string) => 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n',
    ],
    [
      'mpd',
      (video: string) =>
        `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet><Representation id="1"><BaseURL>${video}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    ],
    [
      'idx',
      (_: string) => '# VobSub index file, v7 (do not modify this line!)\nsize: 720x576\nid: en, index: 0\n',
    ],
  ])('that names others gives no frames, whatever it is called: %s', (ending, naming) => {
    const video = writeGreys(join(folder, `${ending}-other.mp4`), 5);
    for (const name of [`list.${ending}`, 'list.mp4', 'list.avi']) {
      const path = join(folder, name);
      writeFileSync(path, naming(video));
      expect(['no-video', 'undecodable'], name).toContain(probe({ path }).kind);
    }
  });
});
