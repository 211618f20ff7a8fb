/** To look at one video in a process apart: see viewer.ts. */
import { EndedApart } from '../apart/ended.js';
import { type OrderOptions, openPool } from '../apart/pool.js';
import { BOUNDS, type Bounds } from '../bounds.js';
import type { Video } from '../data/index.js';
import { X3dError } from '../errors.js';

/** With the network that a search has found. */
export interface PredictionOrder {
  readonly kind: 'predict';
  readonly home: string;
  readonly search: string;
  readonly video: string;
}

export type ViewingOrder =
  | PredictionOrder
  /** Made anew at `to`, as browsers play it. */
  | { readonly kind: 'show'; readonly video: string; readonly to: string }
  /** A few of its frames side by side, as JPEG at `to`; `rate`: of the set that it is of. */
  | {
      readonly kind: 'strip';
      readonly video: Video;
      readonly rate: number;
      readonly cacheFolder: string;
      readonly to: string;
    };

export interface Predicted {
  readonly seconds: number;
  readonly classes: readonly string[];
  readonly scores: readonly number[];
}

/** Nothing of what is written to a file. */
export type ViewingAnswer = Predicted | undefined;

const VIEWER = new URL('../../dist/deployment/viewer.js', import.meta.url);
/** Videos at once; others wait for their turn. */
const AT_ONCE = 1;
const MOST_WAITING = 8;

export interface Viewing {
  /**
   * Throws X3dError: what the process refused, data where it took more than it may or was ended by the video, too-many
   * where many wait already, and the signal's reason when aborted.
   */
  predict(order: PredictionOrder, options?: OrderOptions<never>): Promise<Predicted>;
  /** Writes a file; throws the same. */
  write(order: Exclude<ViewingOrder, PredictionOrder>, options?: OrderOptions<never>): Promise<void>;
  /** Ends what runs, and what waits. */
  close(): Promise<void>;
}

export interface ViewingOptions {
  /** Of the process. Default: this one's. */
  readonly environment?: NodeJS.ProcessEnv;
  readonly bounds?: Pick<Bounds, 'viewingSeconds' | 'viewingBytes'>;
}

export function openViewing({ environment = process.env, bounds = BOUNDS }: ViewingOptions = {}): Viewing {
  const viewers = openPool<ViewingOrder, ViewingAnswer>(VIEWER, {
    subject: 'videos',
    seconds: bounds.viewingSeconds,
    bytes: bounds.viewingBytes,
    atOnce: AT_ONCE,
    mostWaiting: MOST_WAITING,
    environment,
  });
  const run = async (order: ViewingOrder, options: OrderOptions<never> = {}): Promise<ViewingAnswer> => {
    try {
      return await viewers.run(order, options);
    } catch (cause) {
      if (!(cause instanceof EndedApart)) throw cause;
      throw new X3dError(
        'data',
        { subject: 'video', expected: 'one that can be looked at', got: `one that ${cause.message}` },
        { cause },
      );
    }
  };
  return {
    predict: async (order, options) => (await run(order, options)) as Predicted,
    write: async (order, options) => void (await run(order, options)),
    close: viewers.close,
  };
}
