/**
 * Video files to RGB frames, by FFmpeg in the process. All of it blocks, so it runs on the data threads, where one
 * decoder thread each is the best use of the cores.
 *
 * Frames are what the decoder gives, in order: a variable frame rate is not evened out, and rotation and pixel
 * aspect ratio are left as stored. A packet that can't be decoded is passed over, as FFmpeg's own tools do.
 */
import {
  AV_LOG_QUIET,
  AV_PIX_FMT_RGB24,
  AVMEDIA_TYPE_VIDEO,
  SWS_AREA,
  SWS_BITEXACT,
  type SwsFlags,
} from 'node-av/constants';
import { Codec, CodecContext, FormatContext, Frame, Log, Packet, SoftwareScaleContext } from 'node-av/lib';

/**
 * Each pixel is the mean of those it covers, and its bytes are the same on every processor. Rounding more exactly
 * (SWS_ACCURATE_RND) and more exact colours (SWS_FULL_CHR_H_INT) take FFmpeg twice the time of the decoding itself.
 */
const SCALING = (SWS_AREA | SWS_BITEXACT) as SwsFlags;

/** Demuxers that make frames of what nobody means as a video. */
const NOT_VIDEO = new Set(['tty']);

/** A file that FFmpeg can't make frames of; the message is the reason, without the file's name. */
export class DecodingError extends Error {
  override readonly name = 'DecodingError';
}

let ending: Int32Array = new Int32Array(1);

/** Once `flag[0]` is set, decoding in this thread ends at the next frame, as if the video did. */
export function endDecodingWith(flag: Int32Array): void {
  ending = flag;
}

/** Decodes a file; `visit` gets every frame with its index and ends the decoding by returning false. */
function decode(path: string, visit: (frame: Frame, index: number) => boolean): { framesPerSecond: number } {
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

    let index = 0;
    const drain = (): boolean => {
      while (context.receiveFrameSync(frame) >= 0) {
        const goOn = visit(frame, index++) && Atomics.load(ending, 0) === 0;
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
    const { num, den } = stream.avgFrameRate;
    return { framesPerSecond: num > 0 && den > 0 ? num / den : 25 };
  } finally {
    packet.free();
    frame.free();
    context.freeContext();
    format.closeInputSync();
  }
}

export interface VideoFacts {
  readonly frames: number;
  readonly width: number;
  readonly height: number;
  /** The container's mean rate, or 25 where it states none. */
  readonly framesPerSecond: number;
}

/** Decodes the whole file to count its frames. Throws DecodingError. */
export function probeVideo(path: string): VideoFacts {
  let frames = 0;
  let width = 0;
  let height = 0;
  const { framesPerSecond } = decode(path, (frame) => {
    if (frames === 0) ({ width, height } = frame);
    frames += 1;
    return true;
  });
  if (frames === 0 || width === 0 || height === 0) throw new DecodingError('no frame could be decoded');
  return { frames, width, height, framesPerSecond };
}

/**
 * Gives the frames that `wanted` says yes to, scaled to width x height, as packed RGB [height, width, 3], in order.
 * The bytes are valid only inside `visit`. Decoding ends after the frame with index `last`. Throws DecodingError.
 */
export function decodeFrames(
  path: string,
  size: { readonly width: number; readonly height: number },
  last: number,
  wanted: (index: number) => boolean,
  visit: (index: number, rgb: Uint8Array) => void,
): void {
  const scaled = new Frame();
  scaled.alloc();
  scaled.width = size.width;
  scaled.height = size.height;
  scaled.format = AV_PIX_FMT_RGB24;
  // Rows aligned for SIMD; toBuffer packs them.
  scaled.getBuffer(0);
  let scaler: SoftwareScaleContext | undefined;
  let input = '';
  try {
    decode(path, (frame, index) => {
      if (wanted(index)) {
        const { width, height, format } = frame;
        if (!scaler || input !== `${width}x${height}:${format}`) {
          scaler?.freeContext();
          scaler = new SoftwareScaleContext();
          scaler.getContext(
            width,
            height,
            frame.format as never,
            size.width,
            size.height,
            AV_PIX_FMT_RGB24,
            SCALING,
          );
          input = `${width}x${height}:${format}`;
        }
        if (scaler.scaleFrameSync(scaled, frame) < 0)
          throw new DecodingError(`frame ${index} can't be scaled`);
        visit(index, scaled.toBuffer());
      }
      return index < last;
    });
  } finally {
    scaler?.freeContext();
    scaled.free();
  }
}
