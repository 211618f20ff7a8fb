/** The HTTP application: its routes, its documents, and one way to check what comes in. It does not listen. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { type FastifyBaseLogger, type FastifySchema, fastify } from 'fastify';
import type { Logger } from 'pino';
import type { TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { mismatches } from '../validation.js';
import { VERSION } from '../version.js';
import { answerWithProblems, MismatchError, sendProblem } from './problems.js';
import { artifactRoutes } from './routes/artifacts.js';
import { candidateRoutes } from './routes/candidates.js';
import { eventRoutes } from './routes/events.js';
import { healthRoutes } from './routes/health.js';
import { metricRoutes } from './routes/metrics.js';
import { searchRoutes } from './routes/searches.js';
import { workerRoutes } from './routes/workers.js';
import { type App, openService, type ServiceOptions } from './service.js';

export interface AppOptions extends ServiceOptions {
  readonly log: Logger;
}

/** A configuration is small: more is a mistake. */
const BODY_BYTES = 256 * 1024;

/** A query is text: whole numbers in it are meant as such. */
const withNumbers = (query: object) =>
  Object.fromEntries(
    Object.entries(query).map(([name, text]) => [name, /^-?\d+$/.test(text) ? Number(text) : text]),
  );

/** All is taken as it is, but for a query's numbers. */
function validator(schema: TSchema, part: string) {
  const compiled = Compile(schema);
  return (input: unknown) => {
    const value = part === 'querystring' ? withNumbers(input as object) : input;
    if (compiled.Check(value)) return { value };
    return { error: new MismatchError(part, mismatches(compiled, value)) };
  };
}

/** A wildcard has no name in Fastify and needs one in OpenAPI. */
function withNamedWildcard({ schema, url }: { schema: FastifySchema; url: string }) {
  const { params } = schema as { params?: TObject };
  if (!url.endsWith('/*') || !params) return { schema, url };
  const { '*': path, ...others } = params.properties;
  return {
    schema: {
      ...schema,
      params: { ...params, properties: { ...others, path }, required: [...Object.keys(others), 'path'] },
    },
    url: url.replace('/*', '/:path'),
  };
}

export async function buildApp({ log, ...options }: AppOptions): Promise<App> {
  const service = openService(options);
  const app: App = fastify({
    loggerInstance: log as FastifyBaseLogger,
    bodyLimit: BODY_BYTES,
    // Streams of events stay open for as long as a search runs.
    forceCloseConnections: true,
    // For paths that no route is looked up for, as they are not well-formed.
    frameworkErrors: sendProblem,
  }).withTypeProvider<TypeBoxTypeProvider>();
  app.addHook('onClose', () => service.close());
  app.setValidatorCompiler(({ schema, httpPart }) => validator(schema as TSchema, httpPart ?? 'body'));
  app.setSerializerCompiler(() => JSON.stringify);
  // Bodies are JSON; anything else is answered with 415.
  app.removeContentTypeParser('text/plain');
  answerWithProblems(app);

  await app.register(swagger, {
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, index) => `${$id ?? `schema-${index}`}` },
    transform: withNamedWildcard,
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'x3d-search',
        version: VERSION,
        description:
          "Searches for the most accurate X3D network within a compute budget, on one's own videos.",
      },
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs' });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());

  // First, so that it times all the others.
  metricRoutes(app, service);
  searchRoutes(app, service);
  eventRoutes(app, service);
  candidateRoutes(app, service);
  artifactRoutes(app, service);
  workerRoutes(app, service);
  healthRoutes(app, service);
  return app;
}
