/** Training batches and test views, made on threads while the trainer is busy. */
import { setImmediate } from 'node:timers/promises';
import { type Dataset, PARTS, type Part, type Video } from './dataset.js';
import { cachedSize, framesBytes, shortSideFor } from './frames.js';
import type { ClipTask } from './rendering.js';
import { type TrainingDraws, type ViewDraws, viewsOf } from './sampling.js';
import { startDataThreads } from './threads.js';

export interface FrameStore {
  readonly cacheFolder: string;
  /** Threads that decode and cut; default 1. Changes no byte. */
  readonly threads?: number;
  /** Decoded frames kept in memory, at most; default FRAME_MEMORY_BYTES. The rest is read from disk. */
  readonly memoryBytes?: number;
  /** Decoded frames of a part kept on disk at one size, at most; default 64 GiB. The rest is decoded each time. */
  readonly diskBytes?: number;
}

export interface TrainingPlan extends TrainingDraws, FrameStore {
  readonly firstStep: number;
  readonly steps: number;
}

export interface Batch {
  readonly step: number;
  /** [T, N, H, W, 3]. */
  readonly clips: Uint8Array<ArrayBuffer>;
  readonly labels: Int32Array;
  /** One for each clip. */
  readonly videos: readonly Video[];
}

export interface BatchSource {
  /** The batch of the next step. Throws X3dError (data) where a video has changed or is gone. */
  readonly next: () => Promise<Batch>;
  /** Gives a batch's buffer back; without it no further batches are made. */
  readonly release: (batch: Batch) => void;
  readonly close: () => Promise<void>;
}

export interface ViewPlan extends ViewDraws, FrameStore {}

export interface VideoViews {
  readonly video: Video;
  /** [T, V, H, W, 3]; valid until the next video is asked for. */
  readonly clips: Uint8Array<ArrayBuffer>;
  /** V: clips in time times windows in space. */
  readonly views: number;
}

/** Decoded frames that a training keeps in memory, at most. */
export const FRAME_MEMORY_BYTES = 256 * 2 ** 20;
const DISK_BYTES = 64 * 2 ** 30;
/** Buffers: one that the trainer reads, and those that are made meanwhile. */
const BUFFERS = 3;
/** More threads make more batches ahead, as far as all of them fit this. */
const AHEAD_BYTES = 2 * 2 ** 30;

/** Batches of `bytes` each that lie in memory at once. */
export const batchesHeld = (bytes: number, threads = 1): number =>
  Math.max(BUFFERS, Math.min(BUFFERS + threads - 1, Math.floor(AHEAD_BYTES / bytes)));

/**
 * What the decoded frames of all parts take on disk where they are kept to serve each of these short sides, bytes: those of
 * a part at one size up to the bound.
 */
export function storedBytes({ videos }: Pick<Dataset, 'videos'>, needs: readonly number[]): number {
  const sides = new Map(needs.map((need) => [shortSideFor(need), need]));
  let total = 0;
  for (const need of sides.values())
    for (const part of PARTS) {
      const own = videos.filter((video) => video.part === part);
      const bytes = own.reduce((sum, video) => sum + framesBytes(video, cachedSize(video, need)), 0);
      total += Math.min(bytes, DISK_BYTES);
    }
  return total;
}

const threadsFor = (videos: readonly Video[], store: FrameStore, draws: ClipTask['draws']) =>
  startDataThreads(store.threads ?? 1, {
    videos,
    draws,
    kept: {
      cacheFolder: store.cacheFolder,
      // Views of a video are made at once: nothing is read twice.
      memoryBytes: draws.kind === 'views' ? 0 : (store.memoryBytes ?? FRAME_MEMORY_BYTES),
      diskBytes: store.diskBytes ?? DISK_BYTES,
    },
  });

/**
 * The batches of the steps firstStep to firstStep + steps - 1, in order. A batch is a pure function of the data set,
 * the plan and the step: a source that starts later gives the same bytes.
 */
export function trainingBatches(dataset: Dataset, plan: TrainingPlan): BatchSource {
  const videos = dataset.videos.filter(({ part }) => part === 'train');
  const threads = threadsFor(videos, plan, { kind: 'training', ...plan });
  const bytes = plan.frames * plan.batchSize * plan.crop * plan.crop * 3;
  const free = Array.from({ length: batchesHeld(bytes, plan.threads) }, () => new ArrayBuffer(bytes));
  const end = plan.firstStep + plan.steps;
  const ahead: Promise<Batch>[] = [];
  let dispatched = plan.firstStep;

  const make = async (step: number, buffer: ArrayBuffer): Promise<Batch> => {
    const { output, videos: drawn } = await threads.run({ index: step, output: buffer });
    const own = Array.from(drawn, (number) => videos[number] as Video);
    return {
      step,
      clips: new Uint8Array(output),
      labels: Int32Array.from(own, ({ label }) => label),
      videos: own,
    };
  };
  const fill = () => {
    while (dispatched < end) {
      const buffer = free.pop();
      if (!buffer) return;
      const batch = make(dispatched++, buffer);
      // Whoever asks for the batch gets its error; until then it is nobody's.
      batch.catch(() => {});
      ahead.push(batch);
    }
  };
  fill();
  return {
    next: async () => {
      // A turn of the event loop, in which the threads' answers come in even if a batch is ready already.
      await setImmediate();
      const batch = ahead.shift();
      if (!batch) throw new Error(`No batch: all ${plan.steps} steps were taken, or none was released`);
      return batch;
    },
    release: ({ clips }) => {
      free.push(clips.buffer);
      fill();
    },
    close: threads.close,
  };
}

/** All views of each video of a part, in the data set's order; a video is read once for all of its views. */
export async function* viewBatches(
  dataset: Pick<Dataset, 'videos'>,
  part: Part,
  plan: ViewPlan,
): AsyncGenerator<VideoViews, void, undefined> {
  const videos = dataset.videos.filter((video) => video.part === part);
  const threadCount = plan.threads ?? 1;
  const threads = threadsFor(videos, plan, { kind: 'views', ...plan });
  const views = viewsOf(plan);
  const free: ArrayBuffer[] = [];
  const ahead: Promise<VideoViews>[] = [];
  let dispatched = 0;

  const make = async (video: Video, index: number): Promise<VideoViews> => {
    const buffer = free.pop() ?? new ArrayBuffer(plan.frames * views * plan.crop * plan.crop * 3);
    const { output } = await threads.run({ index, output: buffer });
    return { video, clips: new Uint8Array(output), views };
  };
  const fill = () => {
    while (ahead.length < BUFFERS + threadCount - 2) {
      const video = videos[dispatched];
      if (!video) return;
      const made = make(video, dispatched++);
      made.catch(() => {});
      ahead.push(made);
    }
  };
  try {
    fill();
    for (let next = ahead.shift(); next; next = ahead.shift()) {
      fill();
      const result = await next;
      await setImmediate();
      yield result;
      free.push(result.clips.buffer);
    }
  } finally {
    await threads.close();
  }
}
