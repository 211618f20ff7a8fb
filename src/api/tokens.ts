/**
 * Accounts of the service: bearer tokens, a file each in the home's `tokens` folder, named by the token's id. A token is
 * `x3d_<id>_<secret>`; the file has its SHA-256 alone, which is enough for a secret of 256 random bits. Looking up one
 * by its id reads one file, so that a token that was revoked is refused from the next request on.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { X3dError } from '../errors.js';
import { readRegular, writeJson } from '../files.js';
import type { Home } from '../home.js';

/** Each may do what those before it may: look; begin searches and steer its own; steer those of all. */
export const SCOPES = ['read', 'operate', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

const TokenRecord = Type.Object(
  {
    id: Type.String({ pattern: '^[0-9a-f]{12}$' }),
    /** Whose it is; several tokens may be of one account. */
    account: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,39}$' }),
    scope: Type.Enum([...SCOPES]),
    /** SHA-256 of the whole token, in hex. */
    hash: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    createdAt: Type.String(),
    /** Searches that run or are paused at once. */
    searches: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Hours that the trainings of all its searches may take together before another is refused. */
    hours: Type.Optional(Type.Number({ exclusiveMinimum: 0 })),
  },
  { additionalProperties: false },
);
export type TokenRecord = Static<typeof TokenRecord>;
const tokenRecord = Compile(TokenRecord);

/** Who asks. */
export type Account = Pick<TokenRecord, 'account' | 'scope' | 'searches' | 'hours'>;

const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

export const newToken = (id = randomBytes(6).toString('hex')): string =>
  `x3d_${id}_${randomBytes(32).toString('base64url')}`;

/** Whether two tokens are the same, in a time that does not tell how far they are. */
export const sameToken = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other));

/** Of one token's file. */
const MOST_BYTES = 64 * 1024;

async function recordAt(path: string): Promise<TokenRecord | undefined> {
  try {
    const value: unknown = JSON.parse((await readRegular(path, MOST_BYTES)).toString());
    return tokenRecord.Check(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether there is a token, be its file damaged: what can't be read lets nobody in. Throws where the folder can't be read. */
export const hasTokens = async (home: Home): Promise<boolean> => {
  const names = await readdir(home.tokens).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return [];
  });
  return names.some((name) => name.endsWith('.json'));
};

/** Those there are, the oldest first. */
export async function listTokens(home: Home): Promise<TokenRecord[]> {
  const names = await readdir(home.tokens).catch(() => []);
  const records = names
    .filter((name) => name.endsWith('.json'))
    .map((name) => recordAt(join(home.tokens, name)));
  return (await Promise.all(records))
    .flatMap((record) => record ?? [])
    .sort((a, b) => (a.createdAt < b.createdAt ? -1 : 1));
}

/** Gives back the token, which is kept nowhere. Throws X3dError invalid-input for a name that is none. */
export async function createToken(
  home: Home,
  account: Account,
): Promise<{ readonly token: string; readonly record: TokenRecord }> {
  const token = newToken();
  const id = token.split('_')[1] ?? '';
  const record = { ...account, id, hash: digest(token).toString('hex'), createdAt: new Date().toISOString() };
  if (!tokenRecord.Check(record))
    throw new X3dError('invalid-input', {
      subject: 'the name',
      expected: 'up to 40 of a-z, 0-9, dots, dashes and underscores, the first a letter or digit',
      got: JSON.stringify(account.account),
    });
  await writeJson(join(home.tokens, `${id}.json`), record, 0o600);
  return { token, record };
}

/** Takes back a token by its id, or all of an account by its name; gives back which. Throws X3dError not-found. */
export async function revokeTokens(home: Home, name: string): Promise<TokenRecord[]> {
  const meant = (await listTokens(home)).filter(({ id, account }) => id === name || account === name);
  if (meant.length === 0)
    throw new X3dError('not-found', {
      subject: 'token',
      expected: 'the id or the name of a token of this home',
      got: name,
      remedy: '`x3d-search token list` shows them.',
    });
  await Promise.all(meant.map(({ id }) => rm(join(home.tokens, `${id}.json`), { force: true })));
  return meant;
}

/** Whose a token is; undefined where it is not known. */
export async function accountOf(home: Home, token: string): Promise<Account | undefined> {
  const [, id] = /^x3d_([0-9a-f]{12})_[\w-]{43}$/.exec(token) ?? [];
  if (id === undefined) return undefined;
  const record = await recordAt(join(home.tokens, `${id}.json`));
  return record && timingSafeEqual(digest(token), Buffer.from(record.hash, 'hex')) ? record : undefined;
}
