/** RGB frames to a video file, by FFmpeg in the process. */
import { renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  AV_CODEC_FLAG_GLOBAL_HEADER,
  AV_CODEC_ID_MPEG4,
  AV_LOG_QUIET,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUV420P,
  type AVPixelFormat,
  FF_ENCODER_LIBX264,
  type FFEncoderCodec,
  SWS_ACCURATE_RND,
  SWS_BICUBIC,
  SWS_BITEXACT,
  type SwsFlags,
} from 'node-av/constants';
import {
  Codec,
  CodecContext,
  FormatContext,
  Frame,
  Log,
  Packet,
  Rational,
  SoftwareScaleContext,
} from 'node-av/lib';

export interface VideoFormat {
  readonly width: number;
  readonly height: number;
  readonly framesPerSecond: number;
  /** FFmpeg's name of the encoder; default H.264, or MPEG-4 where that is not built in. */
  readonly codec?: FFEncoderCodec;
}

const SCALING = (SWS_BICUBIC | SWS_ACCURATE_RND | SWS_BITEXACT) as SwsFlags;

function checked(code: number, what: string, path: string): void {
  if (code < 0) throw new Error(`${path}: ${what} failed with FFmpeg's code ${code}`);
}

function pictureOf(size: VideoFormat, format: AVPixelFormat): Frame {
  const frame = new Frame();
  frame.alloc();
  frame.width = size.width;
  frame.height = size.height;
  frame.format = format;
  frame.getBuffer(0);
  return frame;
}

/**
 * Writes `frames`, each packed RGB [height, width, 3], into the container that the path's ending names. The encoder
 * has its own defaults: options handed over as a dictionary are freed twice in this version of the binding.
 */
export function encodeVideo(path: string, format: VideoFormat, frames: Iterable<Uint8Array>): void {
  Log.setLevel(AV_LOG_QUIET);
  const codec =
    Codec.findEncoderByName(format.codec ?? FF_ENCODER_LIBX264) ??
    (format.codec === undefined ? Codec.findEncoder(AV_CODEC_ID_MPEG4) : null);
  if (!codec) throw new Error(`FFmpeg has no encoder ${format.codec}`);
  const pixels = codec.pixelFormats?.[0] ?? AV_PIX_FMT_YUV420P;
  // A hidden name: whoever reads the folder meanwhile does not take it for a video.
  const temporary = join(dirname(path), `.${process.pid}-${basename(path)}`);

  const container = new FormatContext();
  checked(container.allocOutputContext2(null, null, temporary), 'finding the container', path);
  const context = new CodecContext();
  context.allocContext3(codec);
  context.width = format.width;
  context.height = format.height;
  context.pixelFormat = pixels;
  context.timeBase = new Rational(1, format.framesPerSecond);
  context.framerate = new Rational(format.framesPerSecond, 1);
  context.threadCount = 1;
  context.setFlags(AV_CODEC_FLAG_GLOBAL_HEADER);
  const picture = pictureOf(format, pixels);
  const packet = new Packet();
  packet.alloc();
  const scaler = new SoftwareScaleContext();
  scaler.getContext(
    format.width,
    format.height,
    AV_PIX_FMT_RGB24,
    format.width,
    format.height,
    pixels,
    SCALING,
  );
  try {
    checked(context.open2Sync(codec, null), `opening ${codec.name}`, path);
    const stream = container.newStream(codec);
    stream.timeBase = context.timeBase;
    stream.avgFrameRate = context.framerate;
    checked(context.parametersFromContext(stream.codecpar), 'describing the stream', path);
    checked(container.openOutputSync(), 'opening the file', path);
    checked(container.writeHeaderSync(), 'writing the header', path);
    const drain = () => {
      while (context.receivePacketSync(packet) >= 0) {
        packet.streamIndex = stream.index;
        // Without a duration the last frame would fall outside the file's edit list.
        packet.duration = 1n;
        packet.rescaleTs(context.timeBase, stream.timeBase);
        checked(container.interleavedWriteFrameSync(packet), 'writing', path);
        packet.unref();
      }
    };
    let index = 0n;
    for (const rgb of frames) {
      checked(picture.makeWritable(), 'preparing a frame', path);
      const planes = picture.data;
      if (!planes) throw new Error(`${path}: the frame has no memory`);
      checked(
        scaler.scaleSync([Buffer.from(rgb)], [3 * format.width], 0, format.height, planes, picture.linesize),
        'converting a frame',
        path,
      );
      picture.pts = index++;
      checked(context.sendFrameSync(picture), 'encoding', path);
      drain();
    }
    checked(context.sendFrameSync(null), 'ending the stream', path);
    drain();
    checked(container.writeTrailerSync(), 'writing the end', path);
  } finally {
    container.closeOutputSync();
    packet.free();
    picture.free();
    scaler.freeContext();
    context.freeContext();
    container.freeContext();
  }
  renameSync(temporary, path);
}
