/**
 * `npm run reference`: writes docs/reference from the schemas and commands as they are built: the command line, the API
 * with its events, the configuration, the metrics. With --check it writes nothing, and ends with 1 where a page is not as
 * it would be written.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './setup/steps.mjs';

// Defaults as they are without a user's own settings.
for (const name of ['X3D_HOME', 'REDIS_URL', 'X3D_TOKEN', 'FORCE_COLOR']) delete process.env[name];
process.env.NO_COLOR = '1';

const built = (path) => import(pathToFileURL(join(ROOT, 'dist', path)).href);
const FOLDER = join(ROOT, 'docs/reference');
const NOTE = '<!-- Written by `npm run reference`: change what it is made of instead. -->';

const cell = (text) => String(text).replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (...cells) => `| ${cells.map(cell).join(' | ')} |`;
const table = (head, rows) => [
  row(...head),
  `|${'---|'.repeat(head.length)}`,
  ...rows.map((one) => row(...one)),
];
const code = (text) => `\`${text}\``;

/** A schema's type in words. */
function typeOf(schema) {
  if ('const' in schema) return code(JSON.stringify(schema.const));
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ');
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ');
  if (schema.type === 'array')
    return `list of ${schema.items.title ? schema.items.title : typeOf(schema.items)}`;
  if (schema.type === 'object') return schema.title ?? 'object';
  const low = schema.minimum ?? schema.exclusiveMinimum;
  const high = schema.maximum ?? schema.exclusiveMaximum;
  const bounds = [
    ...(low === undefined ? [] : [`${'exclusiveMinimum' in schema ? 'above' : 'from'} ${low}`]),
    ...(high === undefined ? [] : [`${'exclusiveMaximum' in schema ? 'below' : 'to'} ${high}`]),
  ];
  return [schema.type ?? 'any', ...bounds].join(' ');
}

/** A line a field; those of objects within by their path. */
function fieldsOf(schema, prefix = '', seen = 0) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => [
    [code(prefix + name), typeOf(field), required.has(name) ? 'yes' : '', field.description ?? ''],
    ...(field.type === 'object' && seen < 1 ? fieldsOf(field, `${prefix}${name}.`, seen + 1) : []),
  ]);
}
const FIELDS = ['field', 'type', 'needed', ''];

async function commandLine() {
  const pages = [];
  const files = readdirSync(join(ROOT, 'dist/cli/commands')).filter((name) => name.endsWith('.js'));
  for (const file of files.sort()) {
    for (const [name, make] of Object.entries(await built(`cli/commands/${file}`))) {
      if (!name.endsWith('Command') || typeof make !== 'function') continue;
      const command = make();
      const all = command.commands.length > 0 ? [command, ...command.commands] : [command];
      for (const one of all) {
        let text = '';
        const write = (part) => {
          text += part;
        };
        one
          .configureHelp({ helpWidth: 100 })
          .configureOutput({ writeOut: write, getOutHasColors: () => false });
        one.outputHelp();
        const title = one === command ? one.name() : `${command.name()} ${one.name()}`;
        pages.push({ title, text: text.trim().replace(/^Usage: /, 'Usage: x3d-search ') });
      }
    }
  }
  pages.sort((a, b) => (a.title < b.title ? -1 : 1));
  return [
    '# The command line',
    '',
    'Exit codes: 0 done, 2 bad input, 3 the machine lacks something, 4 a search or a training failed, 130 interrupted. `--json` prints for programs.',
    ...pages.flatMap(({ title, text }) => ['', `## ${title}`, '```text', text, '```']),
  ];
}

/** One search in memory, whose events are the examples. */
async function examples() {
  const { search } = await built('index.js');
  const found = new Map();
  await search(
    { target: '2M', classes: ['circle', 'wave'], recipe: { learningRate: 0.1, mixup: 0 } },
    async ({ factors }) => ({ accuracy: 1 - 0.5 / Math.sqrt(factors.frames), videos: 100 }),
    { onEvent: (event) => found.set(event.kind, found.get(event.kind) ?? event) },
  );
  return found;
}

/** Times and durations are other ones each time. */
const settled = (event) =>
  JSON.stringify(
    event,
    (key, value) => (key === 'at' ? '2026-11-27T12:00:00.000Z' : key === 'seconds' ? 12.5 : value),
    1,
  );

async function api({ document }) {
  const { SearchEvent } = await built('search/events.js');
  const known = await examples();
  const routes = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [
      code(`${method.toUpperCase()} ${path}`),
      operation.summary ?? '',
      Object.keys(operation.responses)
        .filter((status) => /^[23]/.test(status))
        .join(', '),
    ]),
  );
  const details = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { summary, description, parameters = [] }]) =>
      description || parameters.length > 0
        ? [
            '',
            `### ${method.toUpperCase()} ${path}`,
            `${summary}.${description ? ` ${description}` : ''}`,
            ...(parameters.length > 0
              ? [
                  '',
                  ...table(
                    ['parameter', 'in', ''],
                    parameters.map((one) => [
                      code(one.name),
                      one.in,
                      one.description ?? one.schema?.description ?? '',
                    ]),
                  ),
                ]
              : []),
          ]
        : [],
    ),
  );
  const events = SearchEvent.anyOf.flatMap((schema) => {
    const kind = schema.properties.kind.const;
    const fields = fieldsOf(schema, '', 1).filter(([name]) => !['`kind`', '`v`', '`at`'].includes(name));
    const example = known.get(kind);
    return [
      '',
      `### ${kind}`,
      ...(fields.length > 0 ? ['', ...table(FIELDS, fields)] : ['No more fields.']),
      ...(example ? ['', '```json', settled(example), '```'] : []),
    ];
  });
  return [
    '# The API',
    '',
    'The whole as OpenAPI, with the schemas of all bodies, is at `/openapi.json`, and to read and try at `/docs`. Errors are problem documents (RFC 9457), whose `type` ends with one of the kinds below.',
    '',
    ...table(['route', '', 'answers'], routes),
    ...details,
    '',
    '## Problems',
    ...table(
      ['kind', 'status', ''],
      Object.entries((await built('errors.js')).ERROR_KINDS).map(([kind, { status, title }]) => [
        code(kind),
        status,
        title,
      ]),
    ),
    '',
    '## Events',
    'What `GET /searches/{id}/events` sends: the type as `event`, the number in the log as `id`, this as `data`. Each has `kind`, `v` (the version of this list) and `at` (ISO time). Examples are of a search in memory.',
    ...events,
    '',
    '### progress',
    'Between them, without an id, and not kept: `training`, `worker`, `since` and `progress`, which has',
    '',
    ...table(FIELDS, fieldsOf((await built('training/training.js')).TrainingProgress)),
  ];
}

async function configuration() {
  const { SearchInput } = await built('search/configuration.js');
  const { DataConfiguration } = await built('data/configuration.js');
  const { RecipeInput } = await built('training/recipe.js');
  const own = { ...SearchInput, properties: { ...SearchInput.properties } };
  const rows = fieldsOf(own, '', 1).map(([name, type, ...rest]) =>
    name === '`data`' || name === '`recipe`' ? [name, 'see below', ...rest] : [name, type, ...rest],
  );
  return [
    '# The configuration of a search',
    '',
    'The body of `POST /searches`, the file of `run --config`, and by the same names the flags of `run`.',
    '',
    ...table(FIELDS, rows),
    '',
    '## data',
    ...table(FIELDS, fieldsOf(DataConfiguration)),
    '',
    '## recipe',
    'Fields that are not given follow from the base and from the videos. `--recipe field=value`.',
    '',
    ...table(FIELDS, fieldsOf(RecipeInput)),
  ];
}

async function metrics({ exposition }) {
  const { METRICS } = await built('training/metrics.js');
  const named = [...exposition.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)];
  return [
    '# Metrics',
    '',
    '## Of an evaluation',
    'Means over videos, each with its standard error. A video is scored by the mean of the softmax of its clips.',
    '',
    ...table(
      ['metric', 'better', 'unit', ''],
      Object.entries(METRICS).map(([name, { title, better, unit }]) => [code(name), better, unit, title]),
    ),
    '',
    '## For Prometheus',
    '`GET /metrics` (scope `read` where tokens are in use).',
    '',
    ...table(
      ['metric', 'type', ''],
      named.map(([, name, help, type]) => [code(name), type, help]),
    ),
  ];
}

/** What a service says of itself. */
async function service() {
  const { startRedis } = await built('redis/embedded.js');
  const { homeAt } = await built('home.js');
  const { buildApp } = await built('api/app.js');
  const { openLog } = await built('logging.js');
  const folder = mkdtempSync(join(tmpdir(), 'x3d-reference-'));
  const home = homeAt(folder);
  const redis = await startRedis(home);
  try {
    const app = await buildApp({ redisUrl: redis.url, home, log: openLog('reference', { quiet: true }) });
    const document = (await app.inject('/openapi.json')).json();
    const exposition = (await app.inject('/metrics')).body;
    await app.close();
    return { document, exposition };
  } finally {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const said = await service();
const pages = {
  'cli.md': await commandLine(),
  'api.md': await api(said),
  'configuration.md': await configuration(),
  'metrics.md': await metrics(said),
};
mkdirSync(FOLDER, { recursive: true });
const check = process.argv.includes('--check');
for (const [name, [title, ...lines]] of Object.entries(pages)) {
  const text = `${[title, '', NOTE, ...lines].join('\n')}\n`;
  const path = join(FOLDER, name);
  if (!check) {
    writeFileSync(path, text);
    continue;
  }
  let committed = '';
  try {
    committed = readFileSync(path, 'utf8');
  } catch {
    // As one that says nothing.
  }
  if (committed === text) continue;
  process.stderr.write(`docs/reference/${name} is not as the code has it: run \`npm run reference\`.\n`);
  process.exitCode = 1;
}
