/**
 * When a process that has ended is started again: after pauses that grow while it does not stay up, and how often it has
 * ended so, each cause for itself. What others have done to it is counted too, but speaks of no fault of its own.
 */

export interface End {
  /** In words. Numbers in them, as of processes and ports, make no other cause. */
  readonly why: string;
  /** How long it ran, as far as it was heard of, milliseconds. */
  readonly ranMs: number;
  /** Whether another process ended it, as who kills it does. */
  readonly sent: boolean;
}

export interface Restart {
  /** Before it is started again, milliseconds. */
  readonly pauseMs: number;
  /** Ends in a row that came so soon by this cause, with this one. */
  readonly times: number;
  /** Those of them that are its own fault: none where another process ended it. */
  readonly faults: number;
}

/** How soon processes are asked and started again, milliseconds; tests of what takes minutes have less time. */
export interface Pace {
  /** From one question whether a process is awake to the next. */
  readonly beatMs: number;
  /** Before it is started again for the first time. */
  readonly pauseMs: number;
}
export const PACE: Pace = { beatMs: 5000, pauseMs: 100 };

/** A process that lives shorter than this has not come up. */
export const UP_MS = 10_000;
export const MOST_PAUSE_MS = 60_000;
/** Of its own faults by one cause: with the pauses between them, three minutes. */
export const MOST_FAULTS = 12;

/** Says of each end what follows from it. */
export function openRestarts({ pauseMs: first }: Pace): (end: End) => Restart {
  const counts = new Map<string, number>();
  let inARow = 0;
  return ({ why, ranMs, sent }) => {
    if (ranMs >= UP_MS) {
      counts.clear();
      inARow = 0;
    }
    const cause = why.replace(/\d+/g, '#');
    const times = (counts.get(cause) ?? 0) + 1;
    counts.set(cause, times);
    const pauseMs = Math.min(MOST_PAUSE_MS, first * 2 ** inARow);
    inARow += 1;
    return { pauseMs, times, faults: sent ? 0 : times };
  };
}

/** What comes again and again is said the first time, and then ever more seldom, with how often it was. */
export function sayable({ times }: Restart, why: string): string | undefined {
  if (Math.log2(times) % 1 !== 0) return undefined;
  return times === 1 ? why : `${why}; ${times} times`;
}
