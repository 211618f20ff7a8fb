/** Single frames as JPEG, by FFmpeg in the process. */
import {
  AV_CODEC_ID_MJPEG,
  AV_LOG_QUIET,
  AV_PIX_FMT_RGB24,
  AV_PIX_FMT_YUVJ420P,
  SWS_BICUBIC,
} from 'node-av/constants';
import { Codec, CodecContext, Frame, Log, Packet, Rational, SoftwareScaleContext } from 'node-av/lib';
import type { FrameSize } from './display.js';

/** Packed RGB [height, width, 3] -> a JPEG file's bytes. Sides are even. */
export function jpegOf(rgb: Uint8Array, { width, height }: FrameSize): Buffer {
  Log.setLevel(AV_LOG_QUIET);
  const codec = Codec.findEncoder(AV_CODEC_ID_MJPEG);
  if (!codec) throw new Error('FFmpeg has no encoder of JPEG');
  const context = new CodecContext();
  const picture = new Frame();
  const packet = new Packet();
  const scaler = new SoftwareScaleContext();
  const checked = (code: number) => {
    if (code < 0) throw new Error(`a picture could not be encoded: FFmpeg's code ${code}`);
  };
  try {
    context.allocContext3(codec);
    context.width = width;
    context.height = height;
    context.pixelFormat = AV_PIX_FMT_YUVJ420P;
    context.timeBase = new Rational(1, 1);
    context.threadCount = 1;
    checked(context.open2Sync(codec, null));
    picture.alloc();
    picture.width = width;
    picture.height = height;
    picture.format = AV_PIX_FMT_YUVJ420P;
    checked(picture.getBuffer(0));
    packet.alloc();
    scaler.getContext(width, height, AV_PIX_FMT_RGB24, width, height, AV_PIX_FMT_YUVJ420P, SWS_BICUBIC);
    const planes = picture.data;
    if (!planes) throw new Error('a picture has no memory');
    checked(scaler.scaleSync([Buffer.from(rgb)], [3 * width], 0, height, planes, picture.linesize));
    picture.pts = 0n;
    checked(context.sendFrameSync(picture));
    checked(context.sendFrameSync(null));
    checked(context.receivePacketSync(packet));
    return Buffer.from(packet.data ?? []);
  } finally {
    packet.free();
    picture.free();
    scaler.freeContext();
    context.freeContext();
  }
}
