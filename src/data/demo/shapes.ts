/**
 * Moving shapes on a coloured ground, made so that each axis has something to find: `rising` and `falling` differ in the
 * order of frames alone, `circling` and `swinging` in what more than half a second shows (a swing follows the circle and
 * then turns back), `striped` and `chequered` in fine detail alone. None turns into another when it is mirrored.
 */
import { type Random, randomOf } from '../../random.js';

export const SHAPE_CLASSES = ['chequered', 'circling', 'falling', 'rising', 'striped', 'swinging'] as const;
export type ShapeClass = (typeof SHAPE_CLASSES)[number];

export interface ShapeVideo {
  readonly width: number;
  readonly height: number;
  readonly frames: number;
}

type Colour = readonly [number, number, number];

const between = (random: Random, low: number, high: number) => low + (high - low) * random.uniform();

/** Three smooth waves, one a channel: what the scene looks like behind the shape. */
function ground(random: Random, { width, height }: ShapeVideo): Uint8Array {
  const pixels = new Uint8Array(width * height * 3);
  for (let channel = 0; channel < 3; channel++) {
    const level = between(random, 40, 110);
    const across = between(random, -0.12, 0.12);
    const down = between(random, -0.12, 0.12);
    const phase = between(random, 0, 2 * Math.PI);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        pixels[(y * width + x) * 3 + channel] = level + 30 * Math.sin(across * x + down * y + phase);
      }
    }
  }
  return pixels;
}

/** Where the shape is at a time, and what it looks like at a point measured from its centre. */
interface Shape {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly inside: (dx: number, dy: number) => boolean;
  readonly dark: (dx: number, dy: number) => boolean;
}

const disc = (radius: number) => (dx: number, dy: number) => dx * dx + dy * dy <= radius * radius;
const never = () => false;
/** Bands of the pattern, pixels. */
const BAND = 3;
const band = (d: number) => Math.floor((d + 300) / BAND) % 2 === 0;

/** Turns per frame of what goes round, and the frames after which a swing turns back. */
const TURN_SPEED = 1 / 32;
const SWING_FRAMES = 20;

/** The fractional part, always from 0 up to 1. */
const wrap = (value: number) => value - Math.floor(value);

function shapeAt(kind: ShapeClass, random: Random, size: ShapeVideo): (frame: number) => Shape {
  const { width, height } = size;
  const start = random.uniform();
  const speed = between(random, 0.9, 1.4) / size.frames;
  const column = between(random, 0.35, 0.65) * width;
  const row = between(random, 0.4, 0.6) * height;
  const radius = between(random, 0.15, 0.2) * height;
  switch (kind) {
    case 'rising':
    case 'falling':
      return (frame) => {
        const way = wrap(start + speed * frame);
        const fallen = kind === 'falling' ? way : 1 - way;
        return { x: column, y: fallen * height, radius, inside: disc(radius), dark: never };
      };
    case 'circling':
    case 'swinging': {
      const turn = (random.uniform() < 0.5 ? 1 : -1) * TURN_SPEED * between(random, 0.9, 1.1);
      const orbit = 0.28 * height;
      return (frame) => {
        const gone = start + frame / SWING_FRAMES;
        // There and back along the circle's arc, at the circle's speed.
        const back = Math.abs(wrap(gone / 2) * 2 - 1);
        const angle = 2 * Math.PI * (start + turn * (kind === 'circling' ? frame : back * SWING_FRAMES));
        return {
          x: column + orbit * Math.cos(angle),
          y: row + orbit * Math.sin(angle),
          radius,
          inside: disc(radius),
          dark: never,
        };
      };
    }
    case 'striped':
    case 'chequered':
      return (frame) => ({
        x: column + 0.12 * width * Math.sin(2 * Math.PI * (start + speed * frame)),
        y: row,
        radius: 1.3 * radius,
        inside: disc(1.3 * radius),
        dark: kind === 'striped' ? (_, dy) => band(dy) : (dx, dy) => band(dx) !== band(dy),
      });
  }
}

/** The frames of one video, packed RGB: the same for the same seed, scene and class. */
export function* shapeFrames(
  kind: ShapeClass,
  scene: number,
  seed: number,
  size: ShapeVideo,
): Generator<Uint8Array> {
  const { width, height } = size;
  // The ground and the colour belong to the scene, so that neither says which class it is.
  const place = randomOf('demo scene', seed, scene);
  const behind = ground(place, size);
  const colour: Colour = [between(place, 180, 250), between(place, 180, 250), between(place, 180, 250)];
  const at = shapeAt(kind, randomOf('demo shape', seed, scene, kind), size);
  for (let frame = 0; frame < size.frames; frame++) {
    const shape = at(frame);
    const pixels = behind.slice();
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [dx, dy] = [x - shape.x, y - shape.y];
        if (!shape.inside(dx, dy)) continue;
        const light = shape.dark(dx, dy) ? 0.25 : 1;
        for (let channel = 0; channel < 3; channel++) {
          pixels[(y * width + x) * 3 + channel] = light * (colour[channel] ?? 0);
        }
      }
    }
    yield pixels;
  }
}
