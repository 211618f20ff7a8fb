/** A client of the service's HTTP API: JSON in and out, problem documents as errors. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Problem } from '../api/problems.js';
import { sentEvents } from '../api/sent-events.js';
import { ERROR_KINDS, type ErrorKind, X3dError } from '../errors.js';
import { readRegular } from '../files.js';
import type { Home } from '../home.js';
import type { SearchEvent } from '../search/events.js';
import type { TrainingProgress } from '../training/training.js';

export interface Client {
  readonly url: string;
  /** The headers that say who asks. */
  readonly authorization: Readonly<Record<string, string>>;
  get<Answer>(path: string): Promise<Answer>;
  post<Answer>(path: string, body?: unknown): Promise<Answer>;
  /** POST of bytes as they are. */
  send<Answer>(path: string, bytes: Blob | Uint8Array<ArrayBuffer>): Promise<Answer>;
  /** DELETE. */
  remove<Answer>(path: string): Promise<Answer>;
  /** What is no JSON. */
  bytes(path: string): Promise<Uint8Array>;
}

const isKind = (kind: string): kind is ErrorKind => kind in ERROR_KINDS;

/** The error that a problem document tells of. */
function errorOf({ type, title, detail, errors = [] }: Problem): X3dError {
  const kind = type.replace('urn:x3d-search:problem:', '');
  const [first, ...others] = errors;
  if (!isKind(kind) || !first)
    return new X3dError('environment', {
      subject: 'the service',
      expected: 'an answer',
      got: `${title}: ${detail}`,
    });
  const { field: subject, expected, got } = first;
  const facts = { subject, expected, ...(got === undefined ? {} : { got }) };
  const said = new X3dError(kind, facts).message;
  const more = others
    .map((other) => new X3dError(kind, { subject: other.field, ...other }).message)
    .join(' ');
  const remedy = more || detail.slice(said.length).trim();
  return new X3dError(kind, { ...facts, ...(remedy === '' ? {} : { remedy }) });
}

const codeOf = (error: unknown): string => {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return (cause as NodeJS.ErrnoException).code ?? String(cause);
};

/** Its calls throw the service's X3dError, and environment where nothing answers at `address`. */
export function connectTo(
  address: string,
  token: string | undefined = process.env.X3D_TOKEN || undefined,
): Client {
  const url = address.replace(/\/+$/, '');
  const authorization: Record<string, string> =
    token === undefined ? {} : { authorization: `Bearer ${token}` };
  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(url + path, {
      ...init,
      headers: { ...authorization, ...init.headers },
    }).catch((cause: unknown) => {
      throw new X3dError(
        'environment',
        {
          subject: `the service at ${url}`,
          expected: 'to answer',
          got: codeOf(cause),
          remedy: 'Is `x3d-search serve` running? --service names another one.',
        },
        { cause },
      );
    });
    if (response.ok) return response;
    const body: unknown = await response.json().catch(() => undefined);
    throw errorOf(
      (body ?? { type: '', title: `${response.status}`, detail: 'no problem document' }) as Problem,
    );
  };
  const json = async <Answer>(response: Response) => (await response.json().catch(() => undefined)) as Answer;
  return {
    url,
    authorization,
    get: async (path) => json(await ask(path, {})),
    remove: async (path) => json(await ask(path, { method: 'DELETE' })),
    post: async (path, body) =>
      json(
        await ask(path, {
          method: 'POST',
          ...(body === undefined
            ? {}
            : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
        }),
      ),
    send: async (path, body) =>
      json(
        await ask(path, { method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body }),
      ),
    bytes: async (path) => new Uint8Array(await (await ask(path, {})).arrayBuffer()),
  };
}

/** Of service.json. */
const MOST_ANNOUNCED = 64 * 1024;

/** The service of a home that `run` or `serve` keeps alive. Throws X3dError environment where there is none. */
export async function serviceOf(home: Home): Promise<Client> {
  try {
    const found = JSON.parse((await readRegular(home.service, MOST_ANNOUNCED)).toString()) as {
      url: string;
      token: string;
    };
    return connectTo(found.url, found.token);
  } catch {
    throw new X3dError('environment', {
      subject: home.folder,
      expected: 'a home with a running service',
      got: 'none',
      remedy: 'Start `x3d-search serve --home …` or `run`, or name another with --service.',
    });
  }
}

/** What a stream of a search's events brings: the log's entries, and between them how far trainings are. */
export type Happening =
  | { readonly kind: 'event'; readonly version: number; readonly event: SearchEvent }
  | {
      readonly kind: 'progress';
      readonly training: string;
      readonly worker: string;
      readonly progress?: TrainingProgress;
    };

const RETRY_MS = 300;

const goneMeanwhile = (search: string) =>
  new X3dError('not-found', {
    subject: `search ${search}`,
    expected: 'the log that was followed',
    got: 'none: it was removed, or Redis was emptied',
    remedy: '`x3d-search restore` brings back a backup.',
  });

/**
 * Everything that happens in a search, from its creation to its end, whatever the connection does meanwhile. Throws
 * X3dError not-found for a search that there is not.
 */
export async function* follow(
  client: Client,
  search: string,
  signal: AbortSignal,
): AsyncGenerator<Happening> {
  let version = 0;
  while (!signal.aborted) {
    try {
      const headers = {
        ...client.authorization,
        ...(version === 0 ? {} : { 'last-event-id': String(version) }),
      };
      const url = `${client.url}/searches/${encodeURIComponent(search)}/events`;
      const response = await fetch(url, { headers, signal });
      if (response.status === 204) return;
      if (response.status === 404 && version > 0) throw goneMeanwhile(search);
      if (response.status >= 400 && response.status < 500 && response.status !== 429)
        throw errorOf((await response.json()) as Problem);
      if (!response.ok) throw new Error(`status ${response.status}`);
      if (!response.body) return;
      for await (const fields of sentEvents(response.body)) {
        const data = fields.get('data');
        if (data === undefined) continue;
        if (fields.get('event') === 'progress') {
          yield { kind: 'progress', ...JSON.parse(data) };
          continue;
        }
        const event = JSON.parse(data) as SearchEvent;
        // Of several events of one entry of the log, the last carries its id.
        version = Number(fields.get('id') ?? version);
        yield { kind: 'event', version, event };
        if (/^search-(ended|failed|cancelled)$/.test(event.kind)) return;
      }
    } catch (error) {
      if (error instanceof X3dError) throw error;
    }
    // The service is being replaced, or the network has a pause: the log goes on where we were.
    if (!signal.aborted) await sleep(RETRY_MS, undefined, { signal }).catch(() => {});
  }
}
