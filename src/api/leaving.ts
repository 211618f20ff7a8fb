import type { FastifyReply } from 'fastify';
import { X3dError } from '../errors.js';

/** Aborted once who asked has gone: what is done for an answer alone can end. */
export function leaving({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  raw.once('close', () =>
    gone.abort(
      new X3dError('not-ready', {
        subject: 'the client',
        expected: 'to wait for its answer',
        got: 'a connection that it closed',
      }),
    ),
  );
  return gone.signal;
}
