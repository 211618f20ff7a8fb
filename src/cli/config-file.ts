/** A search's configuration as a file: YAML, and so JSON too. What is wrong in it is said with its line. */
import { dirname, resolve } from 'node:path';
import { Compile } from 'typebox/compile';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { X3dError } from '../errors.js';
import { readRegular } from '../files.js';
import { ConfigurationFile } from '../search/configuration.js';
import { mismatches } from '../validation.js';
import { readLatencyTable } from './device-table.js';

const schema = Compile(ConfigurationFile);
/** Nobody writes one by hand that is longer; tables of latencies are in files of their own. */
const MOST_BYTES = 1_000_000;
const MOST_NAMED = 5;

const refuse = (subject: string, expected: string, got: string, remedy?: string, cause?: unknown) =>
  new X3dError(
    'invalid-input',
    { subject, expected, got, ...(remedy === undefined ? {} : { remedy }) },
    { cause },
  );

async function textOf(path: string): Promise<string> {
  const bytes = await readRegular(path, MOST_BYTES).catch((cause: Error) => {
    if (cause instanceof X3dError) throw cause;
    throw refuse('--config', 'a file that can be read', `${path} (${cause.message})`, undefined, cause);
  });
  return bytes.toString();
}

/** The line of a field, or of what it should stand in. */
function lineOf(document: Document, counter: LineCounter, field: string): number {
  const keys = field === '' ? [] : field.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key));
  for (let count = keys.length; count > 0; count--) {
    const node = document.getIn(keys.slice(0, count), true);
    if (isNode(node) && node.range) return counter.linePos(node.range[0]).line;
  }
  return 1;
}

/**
 * The configuration in a file, with paths as from the file's folder, and its table of latencies read. Fields that are
 * missing may still come from flags. Throws X3dError invalid-input that names file, line and field.
 */
export async function readConfiguration(path: string): Promise<Record<string, unknown>> {
  const counter = new LineCounter();
  const document = parseDocument(await textOf(path), { lineCounter: counter });
  const [wrong] = document.errors;
  if (wrong) {
    const line = counter.linePos(wrong.pos[0]).line;
    throw refuse(
      `${path}, line ${line}`,
      'YAML or JSON',
      wrong.message.split('\n')[0] ?? '',
      undefined,
      wrong,
    );
  }
  const value: unknown = document.toJS();
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(path, 'fields of a configuration, as `x3d-search init` writes them', JSON.stringify(value));
  const found = mismatches(schema, value)
    .filter(({ got }) => got !== 'nothing')
    .map((one) => ({ ...one, line: lineOf(document, counter, one.field) }))
    .sort((a, b) => a.line - b.line);
  const at = ({ line, field }: (typeof found)[number]) => `line ${line}: ${field}`;
  const [first, ...others] = found;
  if (first) {
    const more = others
      .slice(0, MOST_NAMED)
      .map((other) => `${at(other)}: expected ${other.expected}, got ${other.got}`);
    const remedy = more.length === 0 ? undefined : `Also ${more.join('; ')}.`;
    throw refuse(`${path}, ${at(first)}`, first.expected, first.got, remedy);
  }
  const { $schema: _, ...configuration } = value as ConfigurationFile;
  const { data, deviceTable } = configuration;
  const from = (file: string) => resolve(dirname(path), file);
  return {
    ...configuration,
    ...(data === undefined
      ? {}
      : {
          data: {
            ...data,
            ...(data.path === undefined ? {} : { path: from(data.path) }),
            ...(data.root === undefined ? {} : { root: from(data.root) }),
          },
        }),
    ...(typeof deviceTable === 'string' ? { deviceTable: await readLatencyTable(from(deviceTable)) } : {}),
  };
}
