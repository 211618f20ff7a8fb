/** Every error as a problem document (RFC 9457). */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import Type, { type Static } from 'typebox';
import { ERROR_KINDS, type ErrorKind, X3dError } from '../errors.js';
import { AWAY, REFUSAL } from '../redis/refusal.js';
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
  if (error instanceof Error && (AWAY.test(`${error}`) || REFUSAL.test(error.message)))
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
  if (problem.status === 503 || (problem.status === 429 && !reply.hasHeader('retry-after')))
    reply.header('retry-after', RETRY_SECONDS);
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  if (problem.status >= 500 && !(error instanceof X3dError && error.kind === 'not-ready'))
    request.log.error(error);
  // As bytes, past the route's own response schema.
  return reply
    .status(problem.status)
    .type('application/problem+json')
    .serializer((text: unknown) => text as string)
    .send(JSON.stringify(problem));
}

/** For what is no request of HTTP that could be answered in full. */
export function sendRawProblem(error: NodeJS.ErrnoException, socket: Socket): void {
  const status = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 }[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? '';
  const detail =
    status === 431 ? 'The headers are too large.' : 'The request could not be understood, or took too long.';
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, instance: '' });
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy();
  const lines = [
    `HTTP/1.1 ${status} ${title}`,
    'content-type: application/problem+json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** By their paths, what methods there are. Gives back those of one that was asked for, whatever its parameters. */
function methodsOf(app: App): (url: string) => string[] {
  const routes: { readonly pattern: RegExp; readonly methods: readonly string[] }[] = [];
  app.addHook('onRoute', ({ url, method }) => {
    const pattern = url
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replace(/:\w+/g, '[^/]+')
      .replace(/\*$/, '.*');
    routes.push({ pattern: new RegExp(`^${pattern}$`), methods: [method].flat() });
  });
  return (url) => {
    const [path = ''] = url.split('?');
    const found = routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods);
    return [...new Set(found)].sort();
  };
}

export function answerWithProblems(app: App): void {
  app.addSchema(Problem);
  app.setErrorHandler(sendProblem);
  const methods = methodsOf(app);
  app.setNotFoundHandler((request, reply) => {
    const allowed = methods(request.url);
    // A route may say itself that there is nothing at this path.
    if (allowed.length > 0 && !allowed.includes(request.method)) {
      const error = Object.assign(new Error(`${request.method} is not one of ${allowed.join(', ')}.`), {
        statusCode: 405,
      });
      return sendProblem(error, request, reply.header('allow', allowed.join(', ')));
    }
    return sendProblem(
      new X3dError('not-found', {
        subject: `${request.method} ${request.url}`,
        expected: 'a method and path of this service',
        remedy: 'See /docs.',
      }),
      request,
      reply,
    );
  });
}
