/** Whose a search is, and what an account may have: so many searches at once, so many hours of training in all. */
import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { X3dError } from '../errors.js';
import { KEY_PREFIX } from '../redis/connection.js';
import { readSearch, streamOf } from '../search/log.js';
import { secondsTrained } from '../search/methods/budget.js';
import { isOver, type SearchState } from '../search/state.js';
import type { Account } from './tokens.js';

const OWNERS = `${KEY_PREFIX}:owners`;
/** Seconds of training of searches that are no more, by account. */
const SPENT = `${KEY_PREFIX}:spent`;
const BODIES = `${KEY_PREFIX}:idempotency`;
const ownKey = (account: string) => `${KEY_PREFIX}:account:${account}`;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

export const newSearchId = (): string => `s${randomBytes(5).toString('hex')}`;

/** The same for the same key of the same account: a search that was begun under it is found, not begun again. */
export const searchIdOf = ({ account }: Account, key: string): string =>
  `s${sha256(JSON.stringify([account, key])).slice(0, 20)}`;

/** Throws X3dError conflict where another body came under the same key before. */
export async function rememberBody(redis: Redis, search: string, body: unknown): Promise<void> {
  const digest = sha256(JSON.stringify(body));
  await redis.hsetnx(BODIES, search, digest);
  if ((await redis.hget(BODIES, search)) === digest) return;
  throw new X3dError('conflict', {
    subject: 'Idempotency-Key',
    expected: 'the same body as before under the same key',
    got: 'another one',
    remedy: 'Take a new key for a new search.',
  });
}

export interface Quotas {
  /**
   * Makes `search` the account's while `create` begins it. Throws X3dError too-many where the account has as much as it
   * may, and what `create` throws.
   */
  within<Made>(account: Account, search: string, create: () => Promise<Made>): Promise<Made>;
  /** Throws X3dError forbidden where an account may not steer a search. */
  refuseOthers(account: Account, search: string): Promise<void>;
  /** The search is no more; the hours that it took still count. */
  forget(state: SearchState): Promise<void>;
}

export function openQuotas(redis: Redis): Quotas {
  /** Ids of searches that are being begun, by account, in the order in which they were asked for. */
  const beginning = new Map<string, readonly string[]>();

  /** `ahead`: searches of the account that are being begun and were asked for before. */
  const check = async ({ account, searches, hours }: Account, ahead: readonly string[]) => {
    if (searches === undefined && hours === undefined) return;
    const ids = (await redis.smembers(ownKey(account))).filter((id) => !ahead.includes(id));
    const states = (await Promise.all(ids.map((id) => readSearch(redis, id).catch(() => undefined)))).flatMap(
      (state) => state ?? [],
    );
    const open = states.filter((state) => !isOver(state)).length + ahead.length;
    const refuse = (subject: string, expected: string, got: string, remedy: string) =>
      new X3dError('too-many', { subject, expected, got, remedy });
    if (searches !== undefined && open >= searches)
      throw refuse(
        'searches',
        `at most ${searches} at once for ${account}`,
        `${open + 1}`,
        'Cancel one, or wait.',
      );
    const before = Number((await redis.hget(SPENT, account)) ?? 0);
    const used = states.reduce((sum, state) => sum + secondsTrained(state), before) / 3600;
    if (hours !== undefined && used >= hours)
      throw refuse(
        'hours of training',
        `at most ${hours} for ${account}`,
        used.toFixed(2),
        'Have `x3d-search token create` give the account more.',
      );
  };

  /** What a request that began no search has left, unless another is about to begin the same. */
  const forget = async (account: string, search: string) => {
    const begun = beginning.get(account)?.filter((id) => id === search) ?? [];
    if (begun.length > 1 || (await redis.exists(streamOf(search))) === 1) return;
    await redis.multi().hdel(OWNERS, search).srem(ownKey(account), search).exec();
  };

  return {
    within: async (account, search, create) => {
      const { account: name } = account;
      // Before anything is waited for: of two that ask at the same time the second sees the first.
      const ahead = beginning.get(name) ?? [];
      beginning.set(name, [...ahead, search]);
      try {
        await check(account, ahead);
        // First, so that there is no search without an owner, whatever ends in between.
        await redis.multi().hset(OWNERS, search, name).sadd(ownKey(name), search).exec();
        return await create();
      } catch (error) {
        await forget(name, search).catch(() => {});
        throw error;
      } finally {
        beginning.set(
          name,
          (beginning.get(name) ?? []).filter((id) => id !== search),
        );
      }
    },
    forget: async (state) => {
      const owner = await redis.hget(OWNERS, state.id);
      if (owner === null) return;
      await redis
        .multi()
        .hincrbyfloat(SPENT, owner, secondsTrained(state))
        .srem(ownKey(owner), state.id)
        .hdel(OWNERS, state.id)
        .hdel(BODIES, state.id)
        .exec();
    },
    refuseOthers: async ({ account, scope }, search) => {
      if (scope === 'admin') return;
      const owner = await redis.hget(OWNERS, search);
      if (owner === null || owner === account) return;
      throw new X3dError('forbidden', {
        subject: `search ${search}`,
        expected: `one of ${account}, or a token with the scope admin`,
        got: `one of ${owner}`,
      });
    },
  };
}
