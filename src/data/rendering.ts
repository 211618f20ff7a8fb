/** Clips to bytes: what a data thread does for a step of training, or for all views of a video. */
import type { Video } from './dataset.js';
import { cachedSize, claimFrames, type FrameSource, framesBytes, readFrames } from './frames.js';
import { resizer } from './resizing.js';
import { type ClipDraw, type TrainingDraws, trainingDraws, type ViewDraws, viewDraws } from './sampling.js';

/** Where decoded frames are kept, and how much of them. */
export interface KeptFrames {
  readonly cacheFolder: string;
  /** In memory. */
  readonly memoryBytes: number;
  /** Of a part on disk at one size. */
  readonly diskBytes: number;
}

/** What a thread is for: told once, so that a job is a number and a buffer. */
export interface ClipTask {
  /** Those of one part. */
  readonly videos: readonly Video[];
  readonly draws: ({ readonly kind: 'training' } & TrainingDraws) | ({ readonly kind: 'views' } & ViewDraws);
  readonly kept: KeptFrames;
}

export interface ClipJob {
  /** The step, or the number of the video. */
  readonly index: number;
  /** Filled with [frames, clips, side, side, 3]; handed over, and back with the result. */
  readonly output: ArrayBuffer;
}

/** All frames of a video in memory that threads share. */
export interface HeldFrames {
  readonly video: number;
  readonly memory: SharedArrayBuffer;
}

export interface Rendered {
  readonly output: ArrayBuffer;
  /** The number of the video that each clip is of. */
  readonly videos: Int32Array;
  /** What was read into memory on the way. */
  readonly loaded: readonly HeldFrames[];
}

export interface Renderer {
  /** Each video is opened once, for all of its clips. Throws X3dError (data). */
  readonly run: (job: ClipJob) => Rendered;
  /** Another thread has read a video into memory. */
  readonly hold: (held: HeldFrames) => void;
}

/** The largest short side in training over the one in tests (160/128), so that both are kept at about the same size. */
const LARGEST_OVER_TEST = 1.25;

/** The short side that frames are kept at for these draws, at least. */
export const shortSideKept = (draws: ClipTask['draws']): number =>
  draws.kind === 'training' ? draws.shortSides.max : Math.round(draws.shortSide * LARGEST_OVER_TEST);

/** The first videos, in order, whose frames fit the bound together. */
function within(videos: readonly Video[], need: number, bound: number): number {
  let bytes = 0;
  const past = videos.findIndex((video) => {
    bytes += framesBytes(video, cachedSize(video, need));
    return bytes > bound;
  });
  return past < 0 ? videos.length : past;
}

/** Which clips a job asks for. */
function drawing({ videos, draws }: ClipTask): (index: number) => ClipDraw[] {
  if (draws.kind === 'training') return trainingDraws(videos, draws);
  return (index) => viewDraws(videos[index] as Video, draws);
}

export function rendererFor(task: ClipTask): Renderer {
  const { videos, draws, kept } = task;
  const need = shortSideKept(draws);
  const inMemory = within(videos, need, kept.memoryBytes);
  const onDisk = within(videos, need, kept.diskBytes);
  const numbers = new Map(videos.map((video, number) => [video, number]));
  const drawsOf = drawing(task);
  const memories = new Map<number, SharedArrayBuffer>();

  const sourceOf = (video: Video, number: number): FrameSource => {
    const memory = memories.get(number);
    return {
      name: video.name,
      path: video.path,
      digest: video.digest,
      frames: video.frames,
      size: cachedSize(video, need),
      keep: number < inMemory,
      ...(memory ? { memory } : {}),
      ...(number < onDisk ? { cacheFolder: kept.cacheFolder } : {}),
    };
  };

  for (const [number, video] of videos.entries()) claimFrames(sourceOf(video, number));

  return {
    hold: ({ video, memory }) => {
      memories.set(video, memory);
    },
    run: ({ index, output }) => {
      const clips = drawsOf(index);
      const target = new Uint8Array(output);
      const loaded: HeldFrames[] = [];
      for (const video of new Set(clips.map((clip) => clip.video))) {
        const number = numbers.get(video) as number;
        const source = sourceOf(video, number);
        const wanted = new Set(clips.flatMap((clip) => (clip.video === video ? clip.frames : [])));
        const frames = readFrames(source, [...wanted]);
        if (frames.loaded) {
          memories.set(number, frames.loaded);
          loaded.push({ video: number, memory: frames.loaded });
        }
        clips.forEach((clip, slot) => {
          if (clip.video !== video) return;
          const write = resizer(source.size, clip);
          const bytes = clip.side * clip.side * 3;
          clip.frames.forEach((frame, time) => {
            write(frames.frame(frame), target, (time * clips.length + slot) * bytes);
          });
        });
      }
      return { output, videos: Int32Array.from(clips, ({ video }) => numbers.get(video) as number), loaded };
    },
  };
}
