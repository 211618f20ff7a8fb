/** The OpenAPI document: whole by itself, and true of what the service answers. */

import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROUTES } from './routes.js';
import { type Stand, stand } from './stand.js';

interface Media {
  readonly schema?: object;
}
interface Operation {
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    name: string;
    in: string;
    required: boolean;
    schema: object;
    description?: string;
  }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<
    Record<string, { description: string; content?: Readonly<Record<string, Media>> }>
  >;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let at: Stand;
let document: Document;
beforeAll(async () => {
  at = await stand();
  await at.startService();
  document = (await (await at.get('/openapi.json')).json()) as Document;
});
afterAll(() => at.close());

const operations = () =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path,
      operation,
      name: `${method.toUpperCase()} ${path}`,
    })),
  );

/** Every object inside a value, itself included. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

describe('the OpenAPI document', () => {
  test('has every route, and nothing else', () => {
    expect(
      operations()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(ROUTES);
    expect(document).toMatchObject({
      openapi: '3.1.0',
      info: { title: 'x3d-search', version: expect.any(String) },
    });
  });

  test('has a schema and a description for every parameter of a path, and for no other', () => {
    for (const { path, operation, name } of operations()) {
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter);
      const parameters = operation.parameters ?? [];
      expect(
        parameters.filter((one) => one.in === 'path').map((one) => one.name),
        name,
      ).toEqual(named);
      for (const parameter of parameters) {
        expect(parameter, name).toMatchObject({
          schema: { type: expect.any(String) },
          description: expect.any(String),
        });
        expect(parameter.required, `${name} ${parameter.name}`).toBe(parameter.in === 'path');
      }
    }
  });

  test('has a schema for every body, which takes no unknown fields', () => {
    const bodies = operations().flatMap(({ operation }) => operation.requestBody ?? []);
    expect(bodies).toHaveLength(3);
    for (const { content } of bodies)
      for (const inner of objectsIn(content['application/json']?.schema))
        if (inner.type === 'object')
          expect(inner, JSON.stringify(inner).slice(0, 200)).toMatchObject({ additionalProperties: false });
  });

  test('has a schema and a description for every answer, and problem documents for every error', () => {
    for (const { operation, name } of operations()) {
      expect(operation, name).toMatchObject({ summary: expect.any(String), tags: [expect.any(String)] });
      for (const [status, { description, content }] of Object.entries(operation.responses)) {
        expect(description, `${name} ${status}`).not.toBe('Default Response');
        if (status !== '204' && status !== '304')
          for (const { schema } of Object.values(content ?? { none: {} }))
            expect(schema, `${name} ${status}`).toBeDefined();
      }
      for (const status of ['4XX', '5XX'])
        expect(operation.responses[status]?.content, name).toEqual({
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        });
    }
  });

  test('refers to nothing that it does not have', () => {
    const references = [...objectsIn(document)].flatMap(({ $ref }) =>
      typeof $ref === 'string' ? [$ref] : [],
    );
    for (const reference of new Set(references))
      expect(document.components.schemas).toHaveProperty([reference.replace('#/components/schemas/', '')]);
  });
});

describe('an answer', () => {
  /** What an answer has that its schema does not describe is a mistake in the one or the other. */
  const closed = (schema: unknown): unknown => {
    if (Array.isArray(schema)) return schema.map(closed);
    if (typeof schema !== 'object' || schema === null) return schema;
    const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
    return inner.type === 'object' && inner.properties ? { ...inner, additionalProperties: false } : inner;
  };
  const problem = () => document.components.schemas.Problem;
  const check = async (template: string, response: Response) => {
    const [method = '', path = ''] = template.split(' ');
    const operation = document.paths[path]?.[method.toLowerCase()];
    const type = response.headers.get('content-type')?.split(';')[0] ?? '';
    const declared =
      operation?.responses[response.status] ?? operation?.responses[`${Math.floor(response.status / 100)}XX`];
    const schema = response.status < 400 ? declared?.content?.[type]?.schema : problem();
    expect(declared?.content, `${template} ${response.status}`).toHaveProperty([type]);
    const body: unknown = type.endsWith('json') ? await response.json() : await response.text();
    const compiled = Compile(closed(schema) as TSchema);
    expect(
      compiled.Errors(body),
      `${template} ${response.status}: ${JSON.stringify(body).slice(0, 500)}`,
    ).toEqual([]);
    return body;
  };

  const body = () => ({
    name: 'shapes',
    data: at.data,
    target: '1M',
    method: 'paper',
    seed: 5,
    memory: 1e12,
    recipe: { epochs: 2 },
  });
  beforeAll(() => {
    at.startWorker();
    at.startWorker();
  });

  test('of every route is as its schema says, before, in and after a search', async () => {
    await check('POST /searches/plan', await at.post('/searches/plan', body()));
    const { id } = (await check('POST /searches', await at.post('/searches', body()))) as { id: string };
    await at.events(id, undefined, ({ event }) => event === 'progress');
    const looks = async () => {
      await check('GET /searches', await at.get('/searches?limit=1&offset=0'));
      await check('GET /searches/{id}', await at.get(`/searches/${id}`));
      const found = (await check(
        'GET /searches/{id}/trajectory',
        await at.get(`/searches/${id}/trajectory`),
      )) as {
        rounds: { candidates: { id: string; trainings: { id: string }[] }[] }[];
      };
      for (const candidate of found.rounds.flatMap(({ candidates }) => candidates)) {
        await check(
          'GET /searches/{id}/candidates/{candidate}',
          await at.get(`/searches/${id}/candidates/${candidate.id}`),
        );
        await check(
          'GET /searches/{id}/trainings/{training}/results',
          await at.get(`/searches/${id}/trainings/${candidate.trainings[0]?.id}/results`),
        );
      }
      await check('GET /searches/{id}/final', await at.get(`/searches/${id}/final`));
      await check('GET /searches/{id}/artifacts', await at.get(`/searches/${id}/artifacts`));
      await check('GET /workers', await at.get('/workers'));
      for (const path of ['/healthz', '/readyz', '/metrics']) await check(`GET ${path}`, await at.get(path));
    };
    await looks();
    await at.events(id);
    await looks();
    await check('POST /searches', await at.post('/searches', { traget: 1 }));
    await check('GET /searches/{id}', await at.get('/searches/s0'));
  });

  test('about a race is as its schema says', async () => {
    const racing = {
      ...body(),
      method: 'race',
      target: '1.8M',
      recipe: { steps: 8, learningRate: 0.1, mixup: 0 },
    };
    const raced = (await check('POST /searches', await at.post('/searches', racing))) as { id: string };
    await at.events(raced.id);
    const { rounds } = (await check(
      'GET /searches/{id}/trajectory',
      await at.get(`/searches/${raced.id}/trajectory`),
    )) as { rounds: { candidates: { id: string }[] }[] };
    await check(
      'GET /searches/{id}/candidates/{candidate}',
      await at.get(`/searches/${raced.id}/candidates/${rounds[0]?.candidates[0]?.id}`),
    );
    await check('GET /searches/{id}/final', await at.get(`/searches/${raced.id}/final`));
  });

  test('to each verb is as its schema says, of a search that fails and of one that is cancelled', async () => {
    const failing = (await check('POST /searches', await at.post('/searches', { ...body(), seed: 13 }))) as {
      id: string;
    };
    await at.events(failing.id, undefined, ({ event }) => event === 'search-paused');
    await check('GET /searches/{id}/trajectory', await at.get(`/searches/${failing.id}/trajectory`));
    for (const act of ['retry', 'cancel'])
      await check(`POST /searches/{id}/${act}`, await at.post(`/searches/${failing.id}/${act}`));
    await check('GET /troubles', await at.get('/troubles'));
    const cancelled = (await check('POST /searches', await at.post('/searches', { ...body(), seed: 6 }))) as {
      id: string;
    };
    for (const act of ['pause', 'resume'])
      await check(`POST /searches/{id}/${act}`, await at.post(`/searches/${cancelled.id}/${act}`));
    await check('POST /searches/{id}/cancel', await at.post(`/searches/${cancelled.id}/cancel`));
  });

  test('that is an event is as the log says: each has its kind, its time and its fields', async () => {
    const { searches } = (await (await at.get('/searches')).json()) as { searches: { id: string }[] };
    const { searchEvent } = await import('../../src/search/events.js');
    for (const { id } of searches)
      for (const { event, data, id: version } of await at.events(id)) {
        if (version === undefined) continue;
        expect(data.kind).toBe(event);
        expect(searchEvent.Check(data)).toBe(true);
      }
  });
});
