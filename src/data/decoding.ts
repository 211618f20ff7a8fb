/**
 * Video files to RGB frames, by FFmpeg in the process. All of it blocks, so it runs on the data threads, where one
 * decoder thread each is the best use of the cores.
 *
 * Frames are what the decoder gives, in order, with the time of each, and as FFmpeg's own tools show them. A packet that
 * can't be decoded is passed over, as these tools do.
 */
import { AV_LOG_QUIET, AV_NOPTS_VALUE } from 'node-av/constants';
import { type CodecContext, Frame, Log, Packet } from 'node-av/lib';
import { BOUNDS, type Bounds } from '../bounds.js';
import { openDecoder, openVideo, type StreamFacts, streamFacts } from './containers.js';
import { type FrameSize, shownSize } from './display.js';
import { type PixelMoments, pixelMeter } from './measuring.js';
import { rgbScaler } from './scaling.js';
import { type Timing, timingOf } from './timing.js';
import { DecodingError } from './undecodable.js';

/** How much of a file is decoded, at most. */
export type DecodingBounds = Pick<Bounds, 'frames' | 'decodeSeconds'>;

let ending: Int32Array = new Int32Array(1);

/** Once `flag[0]` is set, decoding in this thread ends at the next frame, as if the video did. */
export function endDecodingWith(flag: Int32Array): void {
  ending = flag;
}

export const decodingEnds = (): boolean => Atomics.load(ending, 0) === 1;

/** Decodes a file; `visit` gets every frame with its index and ends the decoding by returning false. */
function decode(
  path: string,
  visit: (frame: Frame, index: number, stream: StreamFacts) => boolean,
  { frames, decodeSeconds }: DecodingBounds = BOUNDS,
): void {
  Log.setLevel(AV_LOG_QUIET);
  const { format, stream } = openVideo(path);
  const packet = new Packet();
  const frame = new Frame();
  let context: CodecContext | undefined;
  try {
    const decoder = openDecoder(stream);
    context = decoder;
    packet.alloc();
    frame.alloc();
    const facts = streamFacts(stream);
    const latest = performance.now() + 1000 * decodeSeconds;

    let index = 0;
    const drain = (): boolean => {
      while (decoder.receiveFrameSync(frame) >= 0) {
        if (index >= frames) throw new DecodingError(`more than ${frames} frames; cut it into clips`);
        const goOn = visit(frame, index++, facts);
        frame.unref();
        if (!goOn || decodingEnds()) return false;
      }
      return !decodingEnds();
    };
    let goOn = true;
    while (goOn && format.readFrameSync(packet) >= 0) {
      if (packet.streamIndex === stream.index) {
        decoder.sendPacketSync(packet);
        goOn = drain();
      }
      packet.unref();
      if (performance.now() > latest)
        throw new DecodingError(`not decoded within ${decodeSeconds} s; cut it into clips`);
    }
    if (goOn) {
      decoder.sendPacketSync(null);
      drain();
    }
  } finally {
    packet.free();
    frame.free();
    context?.freeContext();
    format.closeInputSync();
  }
}

export interface VideoFacts extends Timing {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: PixelMoments;
  /** Frames that the header promises, where fewer could be decoded. */
  readonly promised?: number;
}

/** What headers may promise too much, as a share and in frames: their mean rates are rounded. */
const PROMISED_SHARE = 0.02;
const PROMISED_FRAMES = 2;

/** Decodes the whole file to count its frames and to know when each is shown. Throws DecodingError. */
export function probeVideo(path: string, bounds?: DecodingBounds): VideoFacts {
  let shown: FrameSize = { width: 0, height: 0 };
  let stated = undefined as StreamFacts | undefined;
  let frames = 0;
  const seconds: number[] = [];
  const meter = pixelMeter();
  try {
    decode(
      path,
      (frame, index, stream) => {
        if (index === 0) {
          shown = shownSize(frame, stream.pixelAspect);
          stated = stream;
        }
        frames += 1;
        const timestamp = frame.bestEffortTimestamp;
        if (timestamp !== AV_NOPTS_VALUE) seconds.push(Number(timestamp) * stream.secondsPerTick);
        meter.show(frame, index, stream.frames);
        return true;
      },
      bounds,
    );
    if (!stated || shown.width === 0 || shown.height === 0)
      throw new DecodingError('no frame could be decoded');
    const promised = Math.round(stated.frames);
    const isShort = frames < promised * (1 - PROMISED_SHARE) - PROMISED_FRAMES;
    if (frames === 1 && !isShort) throw new DecodingError('a still picture', 'no-video');
    return {
      frames,
      ...shown,
      ...timingOf(stated.framesPerSecond, frames, seconds),
      pixels: meter.moments(),
      ...(isShort ? { promised } : {}),
    };
  } finally {
    meter.free();
  }
}

/**
 * Gives the frames that `wanted` says yes to, scaled to width x height, as packed RGB [height, width, 3], in order.
 * The bytes are valid only inside `visit`. Decoding ends after the frame with index `last`. Throws DecodingError.
 */
export function decodeFrames(
  path: string,
  size: FrameSize,
  last: number,
  wanted: (index: number) => boolean,
  visit: (index: number, rgb: Uint8Array) => void,
): void {
  const scaler = rgbScaler(size);
  try {
    decode(path, (frame, index) => {
      if (wanted(index)) visit(index, scaler.scale(frame));
      return index < last;
    });
  } finally {
    scaler.free();
  }
}
