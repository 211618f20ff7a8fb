/** Training batches and test views, made on threads while the trainer is busy. */
import { setImmediate } from 'node:timers/promises';
import type { Dataset, Part, Video } from './dataset.js';
import { cachedSize, type FrameSource, framesBytes } from './frames.js';
import type { RenderJob } from './rendering.js';
import { type ClipDraw, type TrainingDraws, trainingDraws, type ViewDraws, viewDraws } from './sampling.js';
import { startDataThreads } from './threads.js';

export interface FrameStore {
  readonly cacheFolder: string;
  /** Threads that decode and cut; default 1. Changes no byte. */
  readonly threads?: number;
  /** Decoded frames kept in memory, at most; default 512 MiB. The rest is read from disk. */
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

const MEMORY_BYTES = 512 * 2 ** 20;
const DISK_BYTES = 64 * 2 ** 30;
/** The largest short side in training over the one in tests (160/128), so that both read the same cached files. */
const LARGEST_OVER_TEST = 1.25;
/** Buffers: one that the trainer reads, and those that are made meanwhile. */
const BUFFERS = 3;

/** The first videos, in order, whose frames fit the bound together. */
function within(videos: readonly Video[], need: number, bound: number): Set<string> {
  let bytes = 0;
  const fitting = videos.filter((video) => {
    bytes += framesBytes(video, cachedSize(video, need));
    return bytes <= bound;
  });
  return new Set(fitting.map(({ name }) => name));
}

/** Turns draws into jobs, and remembers which videos' frames are in memory by now. */
function jobs(videos: readonly Video[], need: number, store: FrameStore, memoryBytes: number) {
  const kept = within(videos, need, memoryBytes);
  const onDisk = within(videos, need, store.diskBytes ?? DISK_BYTES);
  const memory = new Map<string, SharedArrayBuffer>();
  const sourceOf = ({ name, path, digest, frames, ...video }: Video): FrameSource => {
    const held = memory.get(name);
    return {
      name,
      path,
      digest,
      frames,
      size: cachedSize(video, need),
      keep: kept.has(name),
      ...(held ? { memory: held } : {}),
      ...(onDisk.has(name) ? { cacheFolder: store.cacheFolder } : {}),
    };
  };
  return {
    job: (draws: readonly ClipDraw[], output: ArrayBuffer): RenderJob => {
      const drawn = [...new Set(draws.map(({ video }) => video))];
      const number = new Map(drawn.map((video, index) => [video, index]));
      return {
        kind: 'render',
        sources: drawn.map(sourceOf),
        clips: draws.map(({ video, ...clip }) => ({ ...clip, source: number.get(video) ?? 0 })),
        output,
      };
    },
    hold: (loaded: readonly { readonly name: string; readonly memory: SharedArrayBuffer }[]) => {
      for (const { name, memory: held } of loaded) if (!memory.has(name)) memory.set(name, held);
    },
  };
}

/**
 * The batches of the steps firstStep to firstStep + steps - 1, in order. A batch is a pure function of the data set,
 * the plan and the step: a source that starts later gives the same bytes.
 */
export function trainingBatches(dataset: Dataset, plan: TrainingPlan): BatchSource {
  const videos = dataset.videos.filter(({ part }) => part === 'train');
  const draw = trainingDraws(videos, plan);
  const { job, hold } = jobs(videos, plan.shortSides.max, plan, plan.memoryBytes ?? MEMORY_BYTES);
  const threadCount = plan.threads ?? 1;
  const threads = startDataThreads(threadCount);
  const bytes = plan.frames * plan.batchSize * plan.crop * plan.crop * 3;
  const free = Array.from({ length: BUFFERS + threadCount - 1 }, () => new ArrayBuffer(bytes));
  const end = plan.firstStep + plan.steps;
  const ahead: Promise<Batch>[] = [];
  let dispatched = plan.firstStep;

  const make = async (step: number, buffer: ArrayBuffer): Promise<Batch> => {
    const draws = draw(step);
    const { output, loaded } = await threads.run(job(draws, buffer));
    hold(loaded);
    return {
      step,
      clips: new Uint8Array(output),
      labels: Int32Array.from(draws, ({ video }) => video.label),
      videos: draws.map(({ video }) => video),
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
  dataset: Dataset,
  part: Part,
  plan: ViewPlan,
): AsyncGenerator<VideoViews, void, undefined> {
  const videos = dataset.videos.filter((video) => video.part === part);
  const threadCount = plan.threads ?? 1;
  const threads = startDataThreads(threadCount);
  const { job } = jobs(videos, Math.round(plan.shortSide * LARGEST_OVER_TEST), plan, 0);
  const free: ArrayBuffer[] = [];
  const ahead: Promise<VideoViews>[] = [];
  let dispatched = 0;

  const make = async (video: Video): Promise<VideoViews> => {
    const draws = viewDraws(video, plan);
    const buffer = free.pop() ?? new ArrayBuffer(plan.frames * draws.length * plan.crop * plan.crop * 3);
    const { output } = await threads.run(job(draws, buffer));
    return { video, clips: new Uint8Array(output), views: draws.length };
  };
  const fill = () => {
    while (ahead.length < BUFFERS + threadCount - 2) {
      const video = videos[dispatched++];
      if (!video) return;
      const views = make(video);
      views.catch(() => {});
      ahead.push(views);
    }
  };
  try {
    fill();
    for (let views = ahead.shift(); views; views = ahead.shift()) {
      fill();
      const result = await views;
      await setImmediate();
      yield result;
      free.push(result.clips.buffer);
    }
  } finally {
    await threads.close();
  }
}
