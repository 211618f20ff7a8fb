/** The HTTP application: its routes, its documents, and one way to check what comes in. It does not listen. */
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { type FastifyBaseLogger, type FastifySchema, type FastifyServerOptions, fastify } from 'fastify';
import type { Logger } from 'pino';
import type { TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { configurationSchema } from '../search/configuration.js';
import { mismatches } from '../validation.js';
import { VERSION } from '../version.js';
import { type AccessOptions, guard, sendHeaders } from './access.js';
import { boundConnections } from './connections.js';
import { refuseDeep } from './json.js';
import { answerWithProblems, MismatchError, sendProblem, sendRawProblem } from './problems.js';
import { artifactRoutes } from './routes/artifacts.js';
import { candidateRoutes } from './routes/candidates.js';
import { eventRoutes } from './routes/events.js';
import { healthRoutes, LIVENESS } from './routes/health.js';
import { metricRoutes } from './routes/metrics.js';
import { pageRoutes } from './routes/page.js';
import { predictionRoutes } from './routes/predictions.js';
import { resultRoutes } from './routes/results.js';
import { searchRoutes } from './routes/searches.js';
import { singleRoutes } from './routes/singles.js';
import { storageRoutes } from './routes/storage.js';
import { troubleRoutes } from './routes/troubles.js';
import { videoRoutes } from './routes/videos.js';
import { workerRoutes } from './routes/workers.js';
import { type App, openService, type ServiceOptions } from './service.js';

export interface AppOptions extends ServiceOptions, AccessOptions {
  readonly log: Logger;
  /** PEM, both; without them it speaks HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Of one address. Default REQUESTS_PER_MINUTE. */
  readonly requestsPerMinute?: number;
}

/** A configuration is small: more is a mistake. */
const BODY_BYTES = 256 * 1024;
/** For all of a request to come, milliseconds: who sends a byte a second holds nothing up. */
const REQUEST_MS = 30_000;
/** How often connections are looked at for that. */
const LOOK_MS = 5_000;
/** For the page of the documents, which sets styles from its script. */
const DOCUMENTS_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
/** Of files for `run --config`. */
const CONFIGURATION_SCHEMA = '/configuration.schema.json';
const CONNECTIONS = 2000;
const CONNECTIONS_OF_ONE = 500;
const REQUESTS_PER_MINUTE = 1200;

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

/** Bodies are JSON, not nested without end; anything else is answered with 415. */
function takeJson(app: App): void {
  app.removeAllContentTypeParsers();
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    try {
      refuseDeep(text as string);
    } catch (error) {
      done(error as Error);
      return;
    }
    parse(request, text as string, done);
  });
}

export async function buildApp({ log, tls, requestsPerMinute, ...options }: AppOptions): Promise<App> {
  const service = await openService({ ...options, log });
  const app: App = fastify({
    loggerInstance: log as FastifyBaseLogger,
    ...(tls
      ? { https: { ...tls, connectionsCheckingInterval: LOOK_MS } }
      : { http: { connectionsCheckingInterval: LOOK_MS } }),
    ...(options.trustProxy ? { trustProxy: [...options.trustProxy] } : {}),
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_MS,
    clientErrorHandler: sendRawProblem,
    // Streams of events stay open for as long as a search runs.
    forceCloseConnections: true,
    // For paths that no route is looked up for, as they are not well-formed.
    frameworkErrors: sendProblem,
  } as FastifyServerOptions).withTypeProvider<TypeBoxTypeProvider>() as App;
  boundConnections(app, {
    all: CONNECTIONS,
    ofOne: options.trustProxy ? undefined : CONNECTIONS_OF_ONE,
    silenceMs: REQUEST_MS,
  });
  // Node takes the longer of the two for the whole request, and by itself a minute for this one.
  app.server.headersTimeout = REQUEST_MS;
  app.addHook('onClose', () => service.close());
  app.setValidatorCompiler(({ schema, httpPart }) => validator(schema as TSchema, httpPart ?? 'body'));
  app.setSerializerCompiler(() => JSON.stringify);
  takeJson(app);
  answerWithProblems(app);
  sendHeaders(app);
  await app.register(rateLimit, {
    global: false,
    max: requestsPerMinute ?? REQUESTS_PER_MINUTE,
    timeWindow: 60_000,
    // Who asks too much is no reason to take the process for a dead one.
    allowList: ({ url }) => url === LIVENESS,
    errorResponseBuilder: (_, { max, ttl }) =>
      new X3dError('too-many', {
        subject: 'requests',
        expected: `at most ${max} a minute`,
        got: 'more',
        remedy: `Ask again in ${Math.ceil(ttl / 1000)} s.`,
      }),
  });
  // Of all that is asked for, also what there is not, and before the token is looked at.
  app.addHook('onRequest', app.rateLimit());
  guard(app, service, options);

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
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'Made by `x3d-search token create`.' },
        },
      },
      security: [{ token: [] }, {}],
    },
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: DOCUMENTS_POLICY });
  app.get('/openapi.json', { schema: { hide: true }, config: { scope: 'public' } }, () => app.swagger());

  app.get(CONFIGURATION_SCHEMA, { schema: { hide: true }, config: { scope: 'public' } }, configurationSchema);

  metricRoutes(app, service);
  searchRoutes(app, service);
  eventRoutes(app, service);
  candidateRoutes(app, service);
  resultRoutes(app, service);
  videoRoutes(app, service);
  predictionRoutes(app, service);
  artifactRoutes(app, service);
  workerRoutes(app, service);
  singleRoutes(app, service);
  storageRoutes(app, service);
  troubleRoutes(app, service);
  healthRoutes(app, service);
  pageRoutes(app);
  return app;
}
