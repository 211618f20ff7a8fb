/** Every error as a problem document (RFC 9457). */
import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { ERROR_KINDS, type ErrorKind, X3dError } from '../errors.js';
import type { Mismatch } from '../validation.js';
import type { App } from './service.js';

export const Problem = Type.Object(
  {
    type: Type.String({ description: 'urn:x3d-search:problem: and the kind, or about:blank.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was expected, what came, and what to do.' }),
    instance: Type.String({ description: 'The URL that was asked for.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          field: Type.String({ description: 'As data.path, or empty for the whole.' }),
          expected: Type.String(),
          got: Type.Optional(Type.String()),
        }),
      ),
    ),
  },
  { $id: 'Problem', title: 'Problem', description: 'RFC 9457 problem details.' },
);
export type Problem = Static<typeof Problem>;

const content = { 'application/problem+json': { schema: Type.Ref('Problem') } };
/** The part of a route's response schema that all routes share. */
export const problems = {
  '4xx': { description: 'Something about the request.', content },
  '5xx': { description: 'Something about the service.', content },
};

/** Input that does not fit its schema, in one place of a request. */
export class MismatchError extends Error {
  readonly statusCode = 400;
  constructor(
    readonly where: string,
    readonly mismatches: readonly Mismatch[],
  ) {
    super(
      mismatches
        .map(({ field, expected, got }) => `${field || where}: expected ${expected}, got ${got}`)
        .join('; '),
    );
  }
}

const RETRY_SECONDS = 5;

export const typeOf = (kind: ErrorKind) => `urn:x3d-search:problem:${kind}`;

export function problemOf(error: unknown, instance: string): Problem {
  if (error instanceof X3dError) {
    const { title, status } = ERROR_KINDS[error.kind];
    const { subject, expected, got } = error.facts;
    const errors = [{ field: subject, expected, ...(got === undefined ? {} : { got }) }];
    return { type: typeOf(error.kind), title, status, detail: error.message, instance, errors };
  }
  if (error instanceof MismatchError) {
    const { title, status } = ERROR_KINDS['invalid-input'];
    const errors = [...error.mismatches];
    return { type: typeOf('invalid-input'), title, status, detail: error.message, instance, errors };
  }
  if (
    error instanceof Error &&
    /MaxRetriesPerRequestError|ECONNREFUSED|Connection is closed/.test(`${error}`)
  )
    return problemOf(
      new X3dError('environment', {
        subject: 'Redis',
        expected: 'to answer',
        got: error.message,
        remedy: 'Try again in a moment; see /readyz.',
      }),
      instance,
    );
  const { statusCode, message } = error as Partial<FastifyError>;
  const status = statusCode !== undefined && statusCode >= 400 && statusCode < 500 ? statusCode : 500;
  const detail = status === 500 ? 'The service failed; its log says how.' : (message ?? '');
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, instance };
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request.url);
  if (error instanceof X3dError && error.kind === 'not-ready') reply.header('retry-after', RETRY_SECONDS);
  else if (problem.status >= 500) request.log.error(error);
  // As bytes, past the route's own response schema.
  return reply
    .status(problem.status)
    .type('application/problem+json')
    .serializer((text: unknown) => text as string)
    .send(JSON.stringify(problem));
}

export function answerWithProblems(app: App): void {
  app.addSchema(Problem);
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      new X3dError('not-found', {
        subject: `${request.method} ${request.url}`,
        expected: 'a method and path of this service',
        remedy: 'See /docs.',
      }),
      request,
      reply,
    ),
  );
}
