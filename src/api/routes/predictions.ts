/** The network that a search has found, tried on a video that is sent. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import Type, { type Static } from 'typebox';
import { X3dError } from '../../errors.js';
import { searchNamed } from '../../search/log.js';
import { leaving } from '../leaving.js';
import { problems } from '../problems.js';
import { type App, SearchId, type Service } from '../service.js';

const MOST_CLASSES = 10;

const Prediction = Type.Object(
  {
    top: Type.Array(Type.Object({ class: Type.String(), score: Type.Number() }), {
      description: `The ${MOST_CLASSES} classes with the highest scores, the highest first; all scores sum to 1.`,
    }),
    seconds: Type.Number({ description: 'Length of the video.' }),
  },
  { title: 'Prediction', description: 'What the network sees in the video.' },
);
export type Prediction = Static<typeof Prediction>;

/** Videos that are being sent or looked at: each takes disk, and its turn comes after all before it. */
const MOST_AT_ONCE = 9;

/** As of other bodies that are too large. */
const refuseLarge = (most: number): never => {
  throw Object.assign(new Error(`body: expected a video of at most ${most / 2 ** 20} MB, got more.`), {
    statusCode: 413,
  });
};

/** Writes what comes, up to the bound. */
async function take(from: Readable, file: string, most: number): Promise<void> {
  let bytes = 0;
  await pipeline(
    from,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > most) refuseLarge(most);
        yield chunk;
      }
    },
    createWriteStream(file, { mode: 0o600 }),
  );
}

export function predictionRoutes(app: App, { redis, home, viewing, bounds }: Service): void {
  let atOnce = 0;
  // Bytes are taken as they come, here alone; elsewhere bodies are JSON.
  app.register(async (plugin) => {
    const own = plugin.withTypeProvider<TypeBoxTypeProvider>();
    own.removeAllContentTypeParsers();
    own.addContentTypeParser('application/octet-stream', (_request, payload, done) => done(null, payload));
    own.post(
      '/searches/:id/predictions',
      {
        // It changes nothing, and costs some seconds of one core.
        config: { scope: 'read' },
        schema: {
          summary: 'Try the network found on a video',
          description:
            'The video is the body, in any format that FFmpeg reads. It is looked at in a process of its own and removed. ' +
            'Videos are looked at one after the other; where many wait, the answer is 429.',
          tags: ['searches'],
          params: SearchId,
          response: { 200: Prediction, ...problems },
        },
      },
      async ({ params, body, headers }, reply) => {
        if (Number(headers['content-length']) > bounds.uploadBytes) refuseLarge(bounds.uploadBytes);
        const state = await searchNamed(redis, params.id);
        if (state.status.kind !== 'ended')
          throw new X3dError('conflict', {
            subject: `search ${params.id}`,
            expected: 'one that has ended with a network',
            got: `one that is ${state.status.kind}`,
          });
        if (!(body instanceof Readable))
          throw new X3dError('invalid-input', {
            subject: 'body',
            expected: 'a video, as application/octet-stream',
            got: 'nothing',
          });
        if (atOnce >= MOST_AT_ONCE)
          throw new X3dError('too-many', {
            subject: 'videos',
            expected: `at most ${MOST_AT_ONCE} that are sent or looked at`,
            got: 'one more',
            remedy: 'Try again in a moment.',
          });
        atOnce += 1;
        const signal = leaving(reply);
        let folder: string | undefined;
        try {
          folder = await mkdtemp(join(tmpdir(), 'x3d-video-'));
          const video = join(folder, 'video');
          await take(body, video, bounds.uploadBytes);
          const found = await viewing.predict(
            { kind: 'predict', home: home.folder, search: params.id, video },
            { signal },
          );
          const top = found.scores
            .map((score, label) => ({ class: found.classes[label] ?? String(label), score }))
            .sort((a, b) => b.score - a.score)
            .slice(0, MOST_CLASSES);
          return { top, seconds: found.seconds };
        } finally {
          atOnce -= 1;
          if (folder !== undefined) await rm(folder, { recursive: true, force: true });
        }
      },
    );
  });
}
