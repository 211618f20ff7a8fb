/** Decoded frames to packed RGB of another size, by FFmpeg's scaler. */
import {
  AV_PIX_FMT_RGB24,
  type AVPixelFormat,
  SWS_AREA,
  SWS_BITEXACT,
  type SwsFlags,
} from 'node-av/constants';
import { Frame, SoftwareScaleContext } from 'node-av/lib';

/**
 * Each pixel is the mean of those it covers, and its bytes are the same on every processor. Rounding more exactly
 * (SWS_ACCURATE_RND) and more exact colours (SWS_FULL_CHR_H_INT) take FFmpeg twice the time of the decoding itself.
 */
const SCALING = (SWS_AREA | SWS_BITEXACT) as SwsFlags;

/** A file that FFmpeg can't make frames of; the message is the reason, without the file's name. */
export class DecodingError extends Error {
  override readonly name = 'DecodingError';
}

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

export interface RgbScaler {
  /** Packed RGB [height, width, 3], valid until the next frame. Throws DecodingError. */
  readonly scale: (frame: Frame) => Uint8Array;
  readonly free: () => void;
}

/** Scales frames to one size, whatever size and format each of them has. */
export function rgbScaler(size: FrameSize): RgbScaler {
  const scaled = new Frame();
  scaled.alloc();
  scaled.width = size.width;
  scaled.height = size.height;
  scaled.format = AV_PIX_FMT_RGB24;
  // Rows aligned for SIMD; toBuffer packs them.
  scaled.getBuffer(0);
  let scaler: SoftwareScaleContext | undefined;
  let input = '';
  return {
    scale: (frame: Frame): Uint8Array => {
      const { width, height, format } = frame;
      if (!scaler || input !== `${width}x${height}:${format}`) {
        scaler?.freeContext();
        scaler = new SoftwareScaleContext();
        scaler.getContext(
          width,
          height,
          format as AVPixelFormat,
          size.width,
          size.height,
          AV_PIX_FMT_RGB24,
          SCALING,
        );
        input = `${width}x${height}:${format}`;
      }
      if (scaler.scaleFrameSync(scaled, frame) < 0) throw new DecodingError("a frame can't be scaled");
      return scaled.toBuffer();
    },
    free: () => {
      scaler?.freeContext();
      scaled.free();
    },
  };
}
