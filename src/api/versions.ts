/** ETag, If-None-Match and If-Match of what a search's log says: an ETag is its version and a digest of the answer. */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import { X3dError } from '../errors.js';

/** The headers of a request that looks. */
export const IfNoneMatch = Type.Object({
  'if-none-match': Type.Optional(
    Type.String({ maxLength: 1000, description: 'ETags that are known; 304 where it is one of them.' }),
  ),
});

/** The headers of a request that changes. */
export const IfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({
      maxLength: 1000,
      description: 'The ETag of the search as it was looked at; 412 where it went on since.',
    }),
  ),
});

const tags = (header: string) => header.split(',').map((tag) => tag.trim().replace(/^W\//, ''));

export const etagOf = (version: number, answer: unknown): string =>
  `"${version}-${createHash('sha256').update(JSON.stringify(answer)).digest('hex').slice(0, 16)}"`;

/** Gives `answer` an ETag; true where the client has it already, and 304 is all there is to say. */
export function isKnown(
  request: FastifyRequest,
  reply: FastifyReply,
  version: number,
  answer: unknown,
): boolean {
  const etag = etagOf(version, answer);
  reply.headers({ etag, 'cache-control': 'no-cache' });
  const known = request.headers['if-none-match'];
  return known !== undefined && tags(known).some((tag) => tag === '*' || tag === etag);
}

/** The version that If-Match names; undefined where any will do. Throws X3dError invalid-input. */
export function versionMeant({ headers }: FastifyRequest): number | undefined {
  const header = headers['if-match'];
  if (header === undefined || header.trim() === '*') return undefined;
  const version = /^"(\d{1,15})-[0-9a-f]{16}"$/.exec(header.trim())?.[1];
  if (version !== undefined) return Number(version);
  throw new X3dError('invalid-input', {
    subject: 'If-Match',
    expected: 'one ETag of GET /searches/{id}',
    got: header.slice(0, 80),
  });
}
