/** Every route of the OpenAPI document with requests that nobody meant: no 5xx, every answer as documented. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { LightMyRequestResponse } from 'fastify';
import { pino } from 'pino';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildApp } from '../../src/api/app.js';
import type { App } from '../../src/api/service.js';
import { makeDemoVideos } from '../../src/data/demo/index.js';
import type { DataConfiguration } from '../../src/data/index.js';
import { homeAt } from '../../src/home.js';
import { connect } from '../../src/redis/connection.js';
import { startRedis } from '../../src/redis/embedded.js';
import { appendEvents } from '../../src/search/log.js';
import { configured, dataset } from '../search/searching.js';
import { ROUTES } from './routes.js';

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: object;
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema: object }>> }>
  >;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: { readonly Problem: object } };
}

/** A search that is over, so that its stream of events ends. */
const OVER = 's0123456789';

let folder: string;
let redis: Awaited<ReturnType<typeof startRedis>>;
let app: App;
let document: Document;
let data: DataConfiguration;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x3d-fuzz-'));
  const home = homeAt(join(folder, 'home'));
  redis = await startRedis(home);
  data = makeDemoVideos(join(folder, 'videos'), { scenes: 5 });
  app = await buildApp({
    redisUrl: redis.url,
    home,
    dataRoots: [folder],
    log: pino({ level: 'silent' }),
    requestsPerMinute: 1e9,
  });
  document = (await app.inject('/openapi.json')).json();
  const writer = connect(redis.url);
  await appendEvents(writer, OVER, 0, [
    { kind: 'search-created', search: OVER, configuration: configured(), dataset },
    { kind: 'search-cancelled' },
  ]);
  writer.disconnect();
});
afterAll(async () => {
  await app?.close();
  await redis?.stop();
  await rm(folder, { recursive: true, force: true });
});

const oneLine = (text: string) => text.replace(/[^\t\x20-\x7e\x80-\xff]/g, '');
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom(
    ...[
      '',
      '0',
      '-1',
      '1e309',
      '99999999999999999999',
      'NaN',
      'null',
      '[]',
      '{}',
      '\0',
      '..',
      '../..',
      '../../etc/passwd',
    ],
    ...[
      '__proto__',
      'constructor',
      'toString',
      '<script>',
      "' or 1=1",
      '%00',
      '%',
      '"1-0"',
      'W/"x"',
      '*',
      'x'.repeat(5000),
    ],
  ),
  fc.integer().map(String),
);
/** Dots alone are no parameter: they make it the URL of what is above. */
const params = fc
  .oneof(fc.constant(OVER), fc.constant('s0'), nasty)
  .filter((text) => text !== '.' && text !== '..');

/** A configuration that could be one, with any value in any of its places. */
const body = fc.oneof(
  fc.jsonValue(),
  fc
    .tuple(
      fc.constantFrom(
        ...[
          'name',
          'data',
          'target',
          'base',
          'criterion',
          'complexity',
          'stepRule',
          'seed',
          'memory',
          'recipe',
          'x',
        ],
        ...[
          'data.path',
          'data.root',
          'data.group',
          'data.shares',
          'data.splitSeed',
          'data.flip',
          'data.skipShare',
        ],
        ...[
          'recipe.epochs',
          'recipe.batchSize',
          'recipe.views',
          'recipe.mixup',
          'recipe.learningRate',
          'recipe.x',
        ],
      ),
      fc.oneof(
        fc.jsonValue(),
        nasty,
        fc.double(),
        fc.maxSafeInteger(),
        fc.constantFrom(1e300, -0, 5e-324, 2 ** 53),
      ),
    )
    .map(([place, value]) => {
      const [outer = '', inner] = place.split('.');
      const configuration: Record<string, unknown> = {
        data: { path: join(folder, 'nothing') },
        target: '2M',
      };
      if (inner === undefined) return { ...configuration, [outer]: value };
      return {
        ...configuration,
        [outer]: { ...(configuration[outer] as object | undefined), [inner]: value },
      };
    }),
);
const payload = fc.oneof(
  { weight: 4, arbitrary: body.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 120_000 }).map((depth) => '['.repeat(depth)) },
);

const compiled = new Map<object, ReturnType<typeof Compile>>();
function fits(schema: object, value: unknown): boolean {
  const validator = compiled.get(schema) ?? Compile(schema as TSchema);
  compiled.set(schema, validator);
  return validator.Check(value);
}

function check(response: LightMyRequestResponse, operation: Operation, what: string): void {
  const { statusCode: status, headers } = response;
  const said = `${what} -> ${status} ${response.body.slice(0, 300)}`;
  if (status === 503) expect(headers['retry-after'], said).toBeDefined();
  else expect(status, said).toBeLessThan(500);
  const declared = operation.responses[status] ?? operation.responses[`${Math.floor(status / 100)}XX`];
  expect(declared, said).toBeDefined();
  if (!declared?.content || response.body === '') return;
  const type = `${headers['content-type']}`.split(';')[0] ?? '';
  expect(Object.keys(declared.content), said).toContain(type);
  const schema = status < 400 ? declared.content[type]?.schema : document.components.schemas.Problem;
  if (type.endsWith('json')) expect(fits(schema ?? {}, response.json()), said).toBe(true);
}

const METHODS = ['get', 'post', 'delete'] as const;
/** What deletes comes last: the others are to meet a search that is there. */
const deletes = (route: string) => Number(route.startsWith('DELETE'));
const IN_TURN = ROUTES.toSorted((a, b) => deletes(a) - deletes(b));

describe('requests that nobody meant', () => {
  test('go to every route there is', () => {
    const found = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(found.sort()).toEqual(ROUTES);
  });

  test.each(IN_TURN)('are answered as documented: %s', { timeout: 300_000 }, async (route) => {
    const [method = '', template = ''] = route.split(' ');
    const lower = METHODS.find((name) => name === method.toLowerCase()) ?? 'get';
    const operation = document.paths[template]?.[lower] as Operation;
    const named = (place: string) =>
      (operation.parameters ?? []).filter((one) => one.in === place).map(({ name }) => name);
    const some = (names: readonly string[]) =>
      fc.record(Object.fromEntries([...names, 'x'].map((name) => [name, nasty])), { requiredKeys: [] });
    const request = fc.record({
      path: fc.record(Object.fromEntries(named('path').map((name) => [name, params]))),
      query: some(named('query')),
      headers: some([...named('header'), 'accept']),
      body: operation.requestBody ? payload : fc.constant(undefined),
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ path, query, headers, body }) => {
        const url = template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(path[name] ?? ''));
        const search = new URLSearchParams(query as Record<string, string>);
        const response = await app.inject({
          method: lower,
          url: `${url}?${search}`,
          headers: {
            ...Object.fromEntries(
              Object.entries(headers).map(([name, value]) => [name, oneLine(value ?? '')]),
            ),
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { payload: body }),
        });
        check(
          response,
          operation,
          `${method} ${url}?${search} ${JSON.stringify({ headers, body: body?.slice(0, 200) })}`,
        );
      }),
    );
  });

  test('leave a service that still begins a search', async () => {
    const response = await app.inject({ method: 'POST', url: '/searches', payload: { data, target: '2M' } });
    expect(response.statusCode, response.body).toBe(201);
  });
});
