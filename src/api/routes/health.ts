import Type from 'typebox';
import { X3dError } from '../../errors.js';
import { problems } from '../problems.js';
import type { App, Service } from '../service.js';

const READY_MS = 2000;

const Health = Type.Object({ status: Type.Literal('ok') }, { description: 'It lives.' });
const Readiness = Type.Object(
  { status: Type.Literal('ready'), redis: Type.Literal('ok') },
  { description: 'It can serve.' },
);

export function healthRoutes(app: App, { redis }: Service): void {
  app.get(
    '/healthz',
    {
      schema: {
        summary: 'Whether the process lives',
        tags: ['service'],
        response: { 200: Health, ...problems },
      },
    },
    async () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      schema: {
        summary: 'Whether Redis answers and has loaded its file, so that requests can be served',
        tags: ['service'],
        response: { 200: Readiness, ...problems },
      },
    },
    async () => {
      const silence = new Promise<string>((answer) => setTimeout(answer, READY_MS, 'silence').unref());
      // While Redis loads its file it answers every command with an error.
      const answer = await Promise.race([redis.ping().catch((error: Error) => error.message), silence]);
      if (answer === 'PONG') return { status: 'ready' as const, redis: 'ok' as const };
      throw new X3dError('environment', { subject: 'Redis', expected: 'PONG', got: answer });
    },
  );
}
