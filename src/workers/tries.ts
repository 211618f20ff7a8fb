/**
 * Tries of a training that failed: how they are noted, and when it is tried again. A training's own failures count,
 * each kind for itself, and after so many they are its result. A fault of the world never is. The pauses before the next try
 * grow while it lasts.
 */
import type { TrainingFailure } from '../training/training.js';
import type { Attempt } from './job.js';

/** Tries that may fail in one way of a training's own. */
const ATTEMPTS = 5;
/** In one that nobody foresaw, over two minutes: what passes by itself has most often passed by then. */
const UNFORESEEN_ATTEMPTS = 8;
const PAUSE_MS = 1000;
/** So long after a fault of the world has passed, all that waited for it has begun again. */
export const MOST_PAUSE_MS = 60_000;
/** Noted of one training; of those that alternate for weeks the last are enough. */
const MOST_NOTED = 20;

export const isOfTheWorld = ({ retry }: TrainingFailure): boolean => retry === 'later';

/** How often a training may fail so; a fault of the world, without end. */
export const attemptsOf = (failure: TrainingFailure): number => {
  if (isOfTheWorld(failure)) return Number.POSITIVE_INFINITY;
  if (failure.retry === 'never') return 1;
  return failure.kind === 'internal' ? UNFORESEEN_ATTEMPTS : ATTEMPTS;
};

/** How long to wait after a failure of one kind for so many times in a row. */
const pauseMs = (times: number): number => Math.min(MOST_PAUSE_MS, PAUSE_MS * 2 ** (times - 1));

/**
 * The tries with one more, which began at `began`. What fails in the same way in the same place again is one entry; a
 * fault of the world after a long time without one is another fault.
 */
export function noted(
  tries: readonly Attempt[],
  failure: TrainingFailure,
  { place, began, now }: { readonly place: string; readonly began: Date; readonly now: Date },
): readonly Attempt[] {
  const last = tries.at(-1);
  const same =
    last?.failure.kind === failure.kind && last.failure.retry === failure.retry && last.place === place;
  const rested = isOfTheWorld(failure) && now.getTime() - began.getTime() > MOST_PAUSE_MS;
  const times = same && !rested ? last.times + 1 : 1;
  const until = new Date(now.getTime() + pauseMs(times));
  const attempt = { failure, place, at: now.toISOString(), times, until: until.toISOString() };
  return [...(same ? tries.slice(0, -1) : tries), attempt].slice(-MOST_NOTED);
}

/** Whether the last of the tries is the training's result. */
export function isFinal(tries: readonly Attempt[]): boolean {
  const last = tries.at(-1)?.failure;
  if (!last) return false;
  const alike = tries.filter(({ failure }) => failure.kind === last.kind && !isOfTheWorld(failure));
  return alike.reduce((sum, { times }) => sum + times, 0) >= attemptsOf(last);
}
