/** The videos of a search, to be looked at: those alone that its data set has. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Type from 'typebox';
import { X3dError } from '../../errors.js';
import { searchNamed } from '../../search/log.js';
import { leaving } from '../leaving.js';
import { problems } from '../problems.js';
import { type App, SearchId, type Service } from '../service.js';

export function videoRoutes(app: App, { redis, home, readings, viewing }: Service): void {
  app.get(
    '/searches/:id/videos/*',
    {
      schema: {
        summary: "A video of the search's data set, as browsers play it",
        description:
          'Small and without sound: at most 360 pixels and 600 frames. Its name is as in the data set.',
        tags: ['searches'],
        params: Type.Object(
          { ...SearchId.properties, '*': Type.String({ description: "The video's name in the data set." }) },
          { additionalProperties: false },
        ),
        response: {
          200: {
            description: 'The video.',
            content: { 'video/mp4': { schema: Type.Unsafe<Buffer>({ type: 'string', format: 'binary' }) } },
          },
          ...problems,
        },
      },
    },
    async ({ params }, reply) => {
      const { id, '*': name } = params;
      const signal = leaving(reply);
      const { configuration } = await searchNamed(redis, id);
      // Looks at the roots too: links may lead elsewhere since.
      const { videos } = await readings.dataset(configuration.data, signal);
      const video = videos.find((one) => one.name === name);
      if (!video)
        throw new X3dError('not-found', {
          subject: 'video',
          expected: `the name of a video of search ${id}`,
          got: name.slice(0, 300),
        });
      const shown = join(
        home.cache,
        'shown',
        `${createHash('sha256').update(video.digest).digest('hex')}.mp4`,
      );
      if (!existsSync(shown)) {
        await mkdir(join(home.cache, 'shown'), { recursive: true });
        await viewing.write({ kind: 'show', video: video.path, to: shown }, { signal });
      }
      return reply
        .type('video/mp4')
        .header('cache-control', 'private, max-age=3600')
        .send(await readFile(shown));
    },
  );
}
