/** Clips to bytes: what a data thread does for one batch. */
import { type FrameSource, readFrames } from './frames.js';
import { resizer, type Window } from './resizing.js';

/** A clip to be cut from one of the job's sources. */
export interface ClipJob extends Window {
  readonly source: number;
  readonly frames: readonly number[];
}

export interface RenderJob {
  readonly kind: 'render';
  readonly sources: readonly FrameSource[];
  readonly clips: readonly ClipJob[];
  /** Filled with [frames, clips, side, side, 3]; handed over, and back with the result. */
  readonly output: ArrayBuffer;
}

export interface Rendered {
  readonly output: ArrayBuffer;
  /** Videos whose frames were read into memory on the way. */
  readonly loaded: readonly { readonly name: string; readonly memory: SharedArrayBuffer }[];
}

/**
 * Frames this thread knows to be in memory. A job that was sent before they were loaded does not bring them along;
 * one that does brings the copy that all threads share.
 */
const held = new Map<string, SharedArrayBuffer>();

/** Each source is opened once, for all of its clips. Throws X3dError (data). */
export function render({ sources, clips, output }: RenderJob): Rendered {
  const target = new Uint8Array(output);
  const loaded: { name: string; memory: SharedArrayBuffer }[] = [];
  sources.forEach((source, number) => {
    const own = clips.filter((clip) => clip.source === number);
    const wanted = [...new Set(own.flatMap((clip) => clip.frames))];
    const memory = source.memory ?? held.get(source.name);
    const frames = readFrames(memory ? { ...source, memory } : source, wanted);
    const known = memory ?? frames.loaded;
    if (known) held.set(source.name, known);
    if (frames.loaded) loaded.push({ name: source.name, memory: frames.loaded });
    clips.forEach((clip, slot) => {
      if (clip.source !== number) return;
      const write = resizer(source.size, clip);
      const bytes = clip.side * clip.side * 3;
      clip.frames.forEach((index, time) => {
        write(frames.frame(index), target, (time * clips.length + slot) * bytes);
      });
    });
  });
  return { output, loaded };
}
