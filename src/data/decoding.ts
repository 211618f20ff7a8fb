/**
 * Video files to RGB frames, by FFmpeg in the process. All of it blocks, so it runs on the data threads, where one
 * decoder thread each is the best use of the cores.
 *
 * Frames are what the decoder gives, in order, with the time of each; rotation and pixel aspect ratio are left as
 * stored. A packet that can't be decoded is passed over, as FFmpeg's own tools do.
 */
import { AV_LOG_QUIET, AV_NOPTS_VALUE, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { Codec, CodecContext, FormatContext, Frame, Log, Packet, type Stream } from 'node-av/lib';
import { type PixelMoments, pixelMeter } from './measuring.js';
import { DecodingError, type FrameSize, rgbScaler } from './scaling.js';
import { type Timing, timingOf } from './timing.js';

/** Demuxers that make frames of what nobody means as a video. */
const NOT_VIDEO = new Set(['tty']);

let ending: Int32Array = new Int32Array(1);

/** Once `flag[0]` is set, decoding in this thread ends at the next frame, as if the video did. */
export function endDecodingWith(flag: Int32Array): void {
  ending = flag;
}

/** What a container says of its video stream. */
interface StreamFacts {
  /** Of a frame's timestamp. */
  readonly secondsPerTick: number;
  /** The mean, or NaN. */
  readonly framesPerSecond: number;
  /** NaN where it can't be told. */
  readonly frames: number;
}

function streamFacts(stream: Stream): StreamFacts {
  const { timeBase, avgFrameRate, nbFrames, duration } = stream;
  const secondsPerTick = timeBase.num / timeBase.den;
  const framesPerSecond = avgFrameRate.num / avgFrameRate.den;
  const seconds = duration > 0n ? Number(duration) * secondsPerTick : Number.NaN;
  return {
    secondsPerTick,
    framesPerSecond,
    frames: nbFrames > 0n ? Number(nbFrames) : seconds * framesPerSecond,
  };
}

/** Decodes a file; `visit` gets every frame with its index and ends the decoding by returning false. */
function decode(path: string, visit: (frame: Frame, index: number, stream: StreamFacts) => boolean): void {
  Log.setLevel(AV_LOG_QUIET);
  const format = new FormatContext();
  if (format.openInputSync(path) < 0) throw new DecodingError('not a container that FFmpeg can open');
  const context = new CodecContext();
  const packet = new Packet();
  const frame = new Frame();
  try {
    if (format.findStreamInfoSync() < 0) throw new DecodingError('no readable streams');
    const stream = format.streams[format.findBestStream(AVMEDIA_TYPE_VIDEO)];
    if (!stream || NOT_VIDEO.has(format.iformat?.name ?? '')) throw new DecodingError('no video stream');
    const codec = Codec.findDecoder(stream.codecpar.codecId);
    if (!codec) throw new DecodingError('no decoder for its codec');
    context.allocContext3(codec);
    context.parametersToContext(stream.codecpar);
    context.threadCount = 1;
    if (context.open2Sync(codec, null) < 0)
      throw new DecodingError(`the ${codec.name} decoder can't read it`);
    packet.alloc();
    frame.alloc();
    const facts = streamFacts(stream);

    let index = 0;
    const drain = (): boolean => {
      while (context.receiveFrameSync(frame) >= 0) {
        const goOn = visit(frame, index++, facts) && Atomics.load(ending, 0) === 0;
        frame.unref();
        if (!goOn) return false;
      }
      return true;
    };
    let goOn = true;
    while (goOn && format.readFrameSync(packet) >= 0) {
      if (packet.streamIndex === stream.index) {
        context.sendPacketSync(packet);
        goOn = drain();
      }
      packet.unref();
    }
    if (goOn) {
      context.sendPacketSync(null);
      drain();
    }
  } finally {
    packet.free();
    frame.free();
    context.freeContext();
    format.closeInputSync();
  }
}

export interface VideoFacts extends Timing {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: PixelMoments;
}

/** Decodes the whole file to count its frames and to know when each is shown. Throws DecodingError. */
export function probeVideo(path: string): VideoFacts {
  let frames = 0;
  let width = 0;
  let height = 0;
  let stated = Number.NaN;
  const seconds: number[] = [];
  const meter = pixelMeter();
  try {
    decode(path, (frame, index, stream) => {
      if (index === 0) {
        ({ width, height } = frame);
        stated = stream.framesPerSecond;
      }
      frames += 1;
      const timestamp = frame.bestEffortTimestamp;
      if (timestamp !== AV_NOPTS_VALUE) seconds.push(Number(timestamp) * stream.secondsPerTick);
      meter.show(frame, index, stream.frames);
      return true;
    });
    if (frames === 0 || width === 0 || height === 0) throw new DecodingError('no frame could be decoded');
    return { frames, width, height, ...timingOf(stated, frames, seconds), pixels: meter.moments() };
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
