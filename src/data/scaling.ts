/** Decoded frames to packed RGB of another size, by FFmpeg's scaler. */
import {
  AV_FRAME_FLAG_INTERLACED,
  AV_PIX_FMT_RGB24,
  AVCHROMA_LOC_UNSPECIFIED,
  AVCOL_RANGE_JPEG,
  AVCOL_SPC_RGB,
  AVCOL_SPC_UNSPECIFIED,
} from 'node-av/constants';
import { Frame, SoftwareScaleContext } from 'node-av/lib';
import { type FrameSize, isAsStored, orient, orientationOf, storedSize } from './display.js';
import { DecodingError } from './undecodable.js';

/**
 * Each pixel is the mean of those it covers, and its bytes are the same on every processor. Rounding more exactly
 * (accurate_rnd) and more exact colours (full_chroma_int) take FFmpeg twice the time of the decoding itself.
 */
const SCALING = 'area+bitexact';

export interface RgbScaler {
  /** Packed RGB [height, width, 3], valid until the next frame. Throws DecodingError. */
  readonly scale: (frame: Frame) => Uint8Array;
  readonly free: () => void;
}

function pictureOf({ width, height }: FrameSize): Frame {
  const picture = new Frame();
  picture.alloc();
  picture.width = width;
  picture.height = height;
  picture.format = AV_PIX_FMT_RGB24;
  picture.colorRange = AVCOL_RANGE_JPEG;
  picture.colorSpace = AVCOL_SPC_RGB;
  // Rows aligned for SIMD; toBuffer packs them.
  picture.getBuffer(0);
  return picture;
}

/**
 * Scales frames to one size, upright, whatever size, format and colours each of them has. `size` is what is shown;
 * all frames are turned as the first of them.
 */
export function rgbScaler(size: FrameSize): RgbScaler {
  // A context that was given no formats takes matrix and range of the colours from each frame.
  const scaler = new SoftwareScaleContext();
  scaler.allocContext();
  scaler.setOption('sws_flags', SCALING);
  let place: ReturnType<typeof placeFor> | undefined;
  const placeFor = (first: Frame) => {
    const orientation = orientationOf(first);
    const picture = pictureOf(storedSize(size, orientation));
    // Light stays as it was coded.
    picture.colorPrimaries = first.colorPrimaries;
    picture.colorTrc = first.colorTrc;
    return {
      orientation,
      picture,
      upright: isAsStored(orientation) ? undefined : new Uint8Array(size.width * size.height * 3),
    };
  };
  return {
    scale: (frame) => {
      place ??= placeFor(frame);
      const { picture, orientation, upright } = place;
      // Fields are scaled together, as pictures.
      frame.clearFlags(AV_FRAME_FLAG_INTERLACED);
      // FFmpeg's scale filter takes samples of colour to lie in the middle of those of light, whatever a frame says.
      frame.chromaLocation = AVCHROMA_LOC_UNSPECIFIED;
      if (scaler.scaleFrameSync(picture, frame) < 0) {
        // A matrix that the scaler does not know.
        frame.colorSpace = AVCOL_SPC_UNSPECIFIED;
        if (scaler.scaleFrameSync(picture, frame) < 0) throw new DecodingError("a frame can't be scaled");
      }
      const rgb = picture.toBuffer();
      if (!upright) return rgb;
      orient(rgb, size, orientation, upright);
      return upright;
    },
    free: () => {
      scaler.freeContext();
      place?.picture.free();
    },
  };
}
