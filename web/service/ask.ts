/** Requests to the service that this page comes from: JSON in and out, its problem documents as errors. */
import type { Problem } from '../../src/api/problems.js';

/** What the service refused, and why. */
export class Refused extends Error {
  override readonly name = 'Refused';
  constructor(
    readonly problem: Problem,
    /** When to ask again, seconds, where the service says so. */
    readonly retryAfter?: number,
  ) {
    super(problem.detail);
  }
}

/** Kept for as long as this tab is open. */
const TOKEN = 'x3d-token';
export const token = (): string | null => sessionStorage.getItem(TOKEN);
const listeners = new Set<() => void>();
/** Calls `listener` when a token is asked for or was given. */
export function onToken(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
let needed = false;
export const tokenNeeded = (): boolean => needed;
function tokenIsNeeded(is: boolean): void {
  if (needed === is) return;
  needed = is;
  for (const listener of listeners) listener();
}
/** Whose `token` it is from now on; everything is asked for anew. */
export function signIn(given: string): void {
  sessionStorage.setItem(TOKEN, given);
  tokenIsNeeded(false);
}

export const authorization = (): Record<string, string> => {
  const given = token();
  return given === null ? {} : { authorization: `Bearer ${given}` };
};

async function problemOf(response: Response): Promise<Problem> {
  const { status, statusText, url } = response;
  const said: unknown = await response.json().catch(() => undefined);
  if (typeof said === 'object' && said !== null && 'detail' in said) return said as Problem;
  const detail = `The service answered ${status} ${statusText}.`;
  return { type: 'about:blank', title: statusText, status, detail, instance: url };
}

/** A response that is well. Throws Refused, and TypeError where nothing answers. */
export async function respond(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(path, { ...init, headers: { ...authorization(), ...init.headers } });
  if (response.ok) return response;
  if (response.status === 401) tokenIsNeeded(true);
  const after = Number(response.headers.get('retry-after') ?? Number.NaN);
  throw new Refused(await problemOf(response), Number.isFinite(after) ? after : undefined);
}

export const get = async <Answer>(path: string, signal?: AbortSignal): Promise<Answer> =>
  (await respond(path, signal ? { signal } : {})).json() as Promise<Answer>;

export const post = async <Answer>(
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> =>
  (
    await respond(path, {
      method: 'POST',
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  ).json() as Promise<Answer>;

/** What went wrong, for people. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof Refused) return error.message;
  if (error instanceof TypeError) return 'The service does not answer. Is it running, and reached from here?';
  return error instanceof Error ? error.message : String(error);
};

/** Hands a file to the person who looks: a link would go without the token. */
export function download(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
